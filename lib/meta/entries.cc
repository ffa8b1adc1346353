#include "lib/meta/entries.h"

#include <algorithm>
#include <bit>
#include <tuple>
#include <utility>

#include "lib/base/check.h"

namespace flexfs::meta {

Result<std::optional<Name>> Entries::find(Statements& st, const Place& at) {
    auto held = held_.find(at);
    if (held == held_.end()) {
        TRY(const std::optional<Name> row, load_name(st, at.folder, at.hash, at.name));
        held = held_.emplace(at, Held{row.value_or(Name()), row.has_value()}).first;
    }
    const Name& to = held->second.to;
    return to.ino == 0 ? std::nullopt : std::optional(to);
}

std::optional<Name> Entries::known(const Place& at) const {
    const auto held = held_.find(at);
    return held == held_.end() ? std::nullopt : std::optional(held->second.to);
}

Entries::Held& Entries::mark_changed(const Place& at) {
    const auto held = held_.find(at);
    check(held != held_.end());
    ++changes_;
    if (!std::exchange(held->second.changed, true)) changed_.push_back(&*held);
    return held->second;
}

// Rows that a change in memory has erased or moved do not count, because the slot that a name gets
// must not depend on when rows are written.
Result<bool> Entries::make_room(Statements& st, const Place& at) {
    const Group group{at.folder, group_of(at.hash)};
    constexpr std::uint32_t all = (1u << name_slots) - 1;
    const auto taken = taken_.find(group);
    std::uint32_t used = taken == taken_.end() ? 0 : taken->second;
    const Hashes hashes = hashes_of(group.group);
    db::Query rows(st.dentry_group, at.folder, hashes.first, hashes.last);
    while (used != all) {
        TRY(const bool row, rows.next());
        if (!row) break;
        const auto held = held_.find(Place{at.folder, rows.number(0), rows.text(1)});
        const bool stands =
            held == held_.end() || (held->second.to.ino != 0 && !held->second.taken);
        if (stands) used |= 1u << rows.as<std::uint32_t>(2);
    }
    const auto held = held_.find(at);
    check(held != held_.end());
    held->second.free_slot = static_cast<std::uint32_t>(std::countr_one(used));
    return used != all;
}

void Entries::put(const Place& at, Name to) {
    Held& held = mark_changed(at);
    if (!held.stored && !held.is_added()) ++added_[at.folder];
    to.slot = held.to.slot;
    if (held.to.ino == 0) {
        to.slot = held.free_slot;
        held.taken = true;
        taken_[{at.folder, group_of(at.hash)}] |= 1u << to.slot;
    }
    held.to = to;
}

void Entries::erase(const Place& at) {
    Held& held = mark_changed(at);
    if (held.is_added()) {
        const auto count = added_.find(at.folder);
        if (--count->second == 0) added_.erase(count);
    }
    if (std::exchange(held.taken, false))
        taken_[{at.folder, group_of(at.hash)}] &= ~(1u << held.to.slot);
    held.free_slot = held.to.slot;  // for a put() in the same call
    held.to = {};
}

Result<bool> Entries::is_empty(Statements& st, Ino folder) const {
    if (added_.contains(folder)) return false;
    db::Query rows(st.dentry_list, folder, 0);
    for (;;) {
        TRY(const bool row, rows.next());
        if (!row) return true;
        const std::optional<Name> now = known({folder, rows.number(0), rows.text(1)});
        if (!now || now->ino != 0) return false;
    }
}

Result<void> Entries::write(Statements& st) {
    std::ranges::sort(changed_, {}, [](const Table::value_type* entry) {
        const Key& key = entry->first;
        return std::tuple(key.folder, key.hash, std::string_view(key.name));
    });
    for (Table::value_type* entry : changed_) {
        const Key& key = entry->first;
        const Held& held = entry->second;
        const std::string_view name = key.name;
        if (held.to.ino == 0) {
            if (held.stored) TRY(st.dentry_erase.run(key.folder, key.hash, name));
        } else {
            db::Stmt& put = held.stored ? st.dentry_set : st.dentry_add;
            TRY(put.run(key.folder, key.hash, name, held.to.ino, held.to.kind, held.to.since,
                        held.to.slot));
        }
    }
    for (Table::value_type* entry : changed_) {
        entry->second.stored = entry->second.to.ino != 0;
        entry->second.changed = entry->second.taken = false;
    }
    changed_.clear();
    added_.clear();
    taken_.clear();
    shrink();
    return {};
}

void Entries::shrink() {
    cache_.shrink(held_);
}

void Entries::clear() {
    changed_.clear();
    held_.clear();
    added_.clear();
    taken_.clear();
}

}  // namespace flexfs::meta
