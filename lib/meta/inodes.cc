#include "lib/meta/inodes.h"

#include <algorithm>
#include <utility>

namespace flexfs::meta {

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

Inodes::Held& Inodes::mark_changed(Inode& inode) {
    Held& held = static_cast<Held&>(inode);
    ++changes_;
    if (!std::exchange(held.changed, true)) changed_.push_back(&held);
    return held;
}

Inode& Inodes::add(const Inode& made) {
    return mark_changed(held_.emplace(made.attr.ino, Held{made}).first->second);
}

void Inodes::change(Inode& inode) {
    mark_changed(inode);
}

void Inodes::erase(Inode& inode) {
    mark_changed(inode).erased = true;
}

Result<void> Inodes::write(Statements& st) {
    std::ranges::sort(changed_, {}, [](const Held* held) { return held->attr.ino; });
    for (Held* held : changed_) {
        if (held->erased) {
            if (held->stored) TRY(st.inode_erase.run(held->attr.ino));
        } else {
            TRY(store_inode(held->stored ? st.inode_set : st.inode_add, *held));
        }
    }
    for (Held* held : changed_) {
        held->stored = true;
        held->changed = false;
        if (held->erased) held_.erase(held->attr.ino);
    }
    changed_.clear();
    shrink();
    return {};
}

void Inodes::clear() {
    changed_.clear();
    held_.clear();
}

void Inodes::shrink() {
    cache_.shrink(held_);
}

}  // namespace flexfs::meta
