// Inodes between the operations and the database: read once, changed in memory, and written when
// the database commits, in the order of their numbers. So a directory that gains a hundred names is
// written once, and a file that is made and removed meanwhile not at all.
#pragma once

#include <unordered_map>

#include "lib/meta/row_cache.h"
#include "lib/meta/rows.h"

namespace flexfs::meta {

class Inodes {
public:
    // Null: there is none. The pointer is good until write(), shrink() or clear().
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
    void keep(std::size_t most) { cache_.keep(most); }
    bool is_full() const { return cache_.is_full(held_.size()); }

    // Afterwards the database's transaction has everything. After an error it is to be rolled back.
    Result<void> write(Statements& st);
    // While nothing is changed that is not written: forgets what is much.
    void shrink();
    // The database was rolled back: what was changed is forgotten with all the rest.
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
