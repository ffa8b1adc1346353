// Directory entries between the operations and the database, as Inodes are: changed in memory, and
// written when the database commits, in the order of their table. So a name that is made and
// removed meanwhile is never written, and those that are lie side by side.
#pragma once

#include <string>
#include <unordered_map>

#include "lib/meta/row_cache.h"
#include "lib/meta/rows.h"

namespace flexfs::meta {

class Entries {
public:
    // Where an entry is: its folder, the hash of its name, the name.
    struct Place {
        Ino folder = 0;
        std::uint64_t hash = 0;
        std::string_view name;
    };

    // Nothing: the folder has no such name.
    Result<std::optional<Name>> find(Statements& st, const Place& at);
    // For who is about to read the row: what is known without it. Ino 0: there is no such name.
    std::optional<Name> known(const Place& at) const;

    // Both only after find(), in the same call.
    void put(const Place& at, Name to, Time since);
    void erase(const Place& at);
    // Counts put() and erase().
    std::uint64_t changes() const { return changes_; }
    void keep(std::size_t most) { cache_.keep(most); }
    bool is_full() const { return cache_.is_full(held_.size()); }

    Result<bool> is_empty(Statements& st, Ino folder) const;

    // Afterwards the database's transaction has everything. After an error it is to be rolled back.
    Result<void> write(Statements& st);
    // While nothing is changed that is not written: forgets what is much.
    void shrink();
    // The database was rolled back: what was changed is forgotten with all the rest.
    void clear();

private:
    struct Key {
        explicit Key(const Place& at) : folder(at.folder), hash(at.hash), name(at.name) {}
        Place place() const { return {folder, hash, name}; }
        Ino folder;
        std::uint64_t hash;
        std::string name;
    };
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(const Place& at) const {
            return at.hash ^ at.folder * 0x9e3779b97f4a7c15;
        }
        std::size_t operator()(const Key& key) const { return (*this)(key.place()); }
    };
    struct Equal {
        using is_transparent = void;
        bool operator()(const auto& one, const auto& other) const {
            return one.hash == other.hash && one.folder == other.folder && one.name == other.name;
        }
    };
    struct Held {
        Name to;  // ino 0: there is no such name
        Time since = 0;
        bool stored = false;   // has a row
        bool changed = false;  // among changed_

        bool is_added() const { return !stored && to.ino != 0; }
    };
    using Table = std::unordered_map<Key, Held, Hash, Equal>;
    Held& mark_changed(const Place& at);

    Table held_;
    std::vector<Table::value_type*> changed_;     // to be written
    std::unordered_map<Ino, std::size_t> added_;  // names without a row, by their folder
    std::uint64_t changes_ = 0;
    RowCache cache_;
};

}  // namespace flexfs::meta
