#include "lib/meta/inodes.h"

#include <algorithm>

namespace flexfs::meta {
namespace {

// What is kept for those who come again: about 3 MiB at most.
constexpr std::size_t kept_max = 12288;

}  // namespace

Result<Inode*> Inodes::find(Statements& st, Ino ino) {
    if (auto known = held_.find(ino); known != held_.end())
        return known->second.erased ? nullptr : &known->second;
    TRY(const std::optional<Inode> loaded, load_inode(st, ino));
    if (!loaded) return nullptr;
    return &held_.emplace(ino, Held{*loaded, true}).first->second;
}

std::optional<const Inode*> Inodes::newer(Ino ino) const {
    const auto known = held_.find(ino);
    if (known == held_.end()) return std::nullopt;
    return known->second.erased ? nullptr : &known->second;
}

Inode& Inodes::add(const Inode& made) {
    ++changes_;
    return held_.emplace(made.attr.ino, Held{made, false, true}).first->second;
}

void Inodes::change(Inode& inode) {
    ++changes_;
    held(inode).dirty = true;
}

void Inodes::erase(Inode& inode) {
    ++changes_;
    held(inode).erased = true;
}

Result<void> Inodes::write(Statements& st) {
    std::vector<Held*> changed;
    for (auto& [ino, held] : held_)
        if (held.dirty || held.erased) changed.push_back(&held);
    std::ranges::sort(changed, {}, [](const Held* held) { return held->attr.ino; });
    for (Held* held : changed) {
        if (held->erased) {
            if (held->stored) TRY(st.inode_erase.run(held->attr.ino));
        } else {
            TRY(store_inode(held->stored ? st.inode_set : st.inode_add, *held));
        }
        held->stored = !held->erased;
        held->dirty = false;
    }
    std::erase_if(held_, [](const auto& entry) { return entry.second.erased; });
    shrink();
    return {};
}

void Inodes::shrink() {
    if (held_.size() <= kept_max) return;
    while (held_.size() > kept_max / 2) held_.erase(held_.begin());
}

}  // namespace flexfs::meta
