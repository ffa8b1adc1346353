// A cache of inodes between the operations and the database: they are read once, changed in memory,
// and written when the database commits, in the order of their numbers. A directory that gains a
// hundred names is written once, and a file that is made and removed in between is not written at
// all.
#pragma once

#include <unordered_map>

#include "lib/meta/row_cache.h"
#include "lib/meta/rows.h"

namespace flexfs::meta {

class Inodes {
public:
    // Returns null if there is no such inode. The pointer is valid until write(), shrink() or
    // clear().
    Result<Inode*> find(Statements& st, Ino ino);
    // Returns the newer state of a row that the caller has read, if there is one. Empty optional:
    // the row is up to date; null: the inode is erased.
    std::optional<const Inode*> newer(Ino ino) const;

    // Adds a new inode, whose number is not in use.
    Inode& add(const Inode& made);
    // Both take only an inode that find() or add() returned.
    void change(Inode& inode);
    void erase(Inode& inode);
    // How often add(), change() and erase() were called.
    std::uint64_t changes() const { return changes_; }
    void keep(std::size_t most) { cache_.keep(most); }
    bool is_full() const { return cache_.is_full(held_.size()); }

    // Writes all changes to the database's transaction, which must be rolled back after an error.
    Result<void> write(Statements& st);
    // Forgets inodes if there are too many; only while all changes are written.
    void shrink();
    // Forgets everything, because the database was rolled back.
    void clear();

private:
    struct Held : Inode {
        bool stored = false;   // has a row
        bool changed = false;  // among changed_
        bool erased = false;
    };
    Held& mark_changed(Inode& inode);

    std::unordered_map<Ino, Held> held_;
    std::vector<Held*> changed_;  // to be written
    std::uint64_t changes_ = 0;
    RowCache cache_;
};

}  // namespace flexfs::meta
