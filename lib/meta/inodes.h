// Inodes between the operations and the database: read once, changed in memory, and written when
// the database commits, in the order of their numbers. So a directory that gains a hundred names is
// written once, and a file that is made and removed meanwhile not at all.
#pragma once

#include <unordered_map>

#include "lib/meta/rows.h"

namespace flexfs::meta {

class Inodes {
public:
    // Null: there is none. Good until clear(), or a write() that makes room.
    Result<Inode*> find(Statements& st, Ino ino);
    // For who has read a row: what is newer here. Nothing: the row is right; null: it is erased.
    std::optional<const Inode*> newer(Ino ino) const;

    // A new one; its number is in use nowhere.
    Inode& add(const Inode& made);
    // Only for what find() or add() gave.
    void change(Inode& inode);
    void erase(Inode& inode);
    // Counts add(), change() and erase().
    std::uint64_t changes() const { return changes_; }
    // Held at present, changed or not.
    std::size_t size() const { return held_.size(); }

    // Afterwards the database has everything, as far as its transaction goes. Then, or when that is
    // thrown away and clear() called, what is here is what the database has.
    Result<void> write(Statements& st);
    void clear() { held_.clear(); }

private:
    struct Held : Inode {
        bool stored = false;  // has a row
        bool dirty = false;
        bool erased = false;
    };
    static Held& held(Inode& inode) { return static_cast<Held&>(inode); }

    std::unordered_map<Ino, Held> held_;
    std::uint64_t changes_ = 0;
};

}  // namespace flexfs::meta
