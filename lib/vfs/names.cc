#include "lib/vfs/names.h"

#include <algorithm>

namespace flexfs::vfs {
namespace {

// The memory of an entry, including its nodes in the list and in the hash table.
std::uint64_t weight(std::string_view name) {
    return 160 + (name.size() > 15 ? name.size() + 16 : 0);
}

// The memory of one element of whole_, with its share of the hash table.
constexpr std::uint64_t folder_weight = 48;

}  // namespace

Ino NameCache::find(Ino parent, std::string_view name) {
    const auto found = by_name_.find({parent, name});
    if (found == by_name_.end()) return 0;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->ino;
}

std::string NameCache::name_of(Ino parent, Ino ino) const {
    const auto found = std::ranges::find_if(
        entries_, [=](const Entry& entry) { return entry.ino == ino && entry.parent == parent; });
    return found == entries_.end() ? std::string() : found->name;
}

void NameCache::put(Ino parent, std::string_view name, Ino ino) {
    if (const auto found = by_name_.find({parent, name}); found != by_name_.end()) {
        found->second->ino = ino;
        return;
    }
    entries_.push_front({parent, std::string(name), ino});
    by_name_.emplace(Key{parent, entries_.front().name}, entries_.begin());
    bytes_ += weight(name);
    shrink();
}

void NameCache::shrink() {
    while (bytes_ + whole_.size() * folder_weight > bytes_max_ && !entries_.empty()) {
        whole_.erase(entries_.back().parent);
        remove(std::prev(entries_.end()));
    }
}

void NameCache::made_folder(Ino folder) {
    // In a set this large, most folders are never looked into again.
    if (whole_.size() * folder_weight > bytes_max_ / 4) whole_.clear();
    whole_.insert(folder);
    shrink();
}

void NameCache::erase(Ino parent, std::string_view name) {
    const auto found = by_name_.find({parent, name});
    if (found != by_name_.end()) remove(found->second);
}

void NameCache::forget(Ino parent, std::string_view name) {
    erase(parent, name);
    whole_.erase(parent);
}

void NameCache::remove(Entries::iterator entry) {
    bytes_ -= weight(entry->name);
    by_name_.erase({entry->parent, entry->name});
    entries_.erase(entry);
}

void NameCache::clear() {
    by_name_.clear();
    entries_.clear();
    whole_.clear();
    bytes_ = 0;
}

}  // namespace flexfs::vfs
