// A cache of directory entries between the operations and the database. As with Inodes, they are
// changed in memory and written when the database commits, in the order of their table: a name that
// is made and removed in between is never written, and those that are written lie side by side.
#pragma once

#include <string>
#include <unordered_map>

#include "lib/meta/row_cache.h"
#include "lib/meta/rows.h"

namespace flexfs::meta {

class Entries {
public:
    // The place of an entry: its directory, the hash of its name, the name.
    struct Place {
        Ino folder = 0;
        std::uint64_t hash = 0;
        std::string_view name;
    };

    // Returns an empty optional if the directory has no such name.
    Result<std::optional<Name>> find(Statements& st, const Place& at);
    // Returns what is known without reading the row. Ino 0: there is no such name.
    std::optional<Name> known(const Place& at) const;

    // The following functions may be called only after find() of the same place, in the same call.
    //
    // Prepares put() of a name that does not exist. Returns false if the group of its hash has no
    // slot left.
    Result<bool> make_room(Statements& st, const Place& at);
    // A new name gets the slot that make_room() found; an existing one keeps its own.
    void put(const Place& at, Name to);
    void erase(const Place& at);
    // How often put() and erase() were called.
    std::uint64_t changes() const { return changes_; }
    void keep(std::size_t most) { cache_.keep(most); }
    bool is_full() const { return cache_.is_full(held_.size()); }

    Result<bool> is_empty(Statements& st, Ino folder) const;

    // Writes all changes to the database's transaction, which must be rolled back after an error.
    Result<void> write(Statements& st);
    // Forgets entries if there are too many; only while all changes are written.
    void shrink();
    // Forgets everything, because the database was rolled back.
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
        Name to;                      // ino 0: there is no such name
        bool stored = false;          // has a row
        bool changed = false;         // among changed_
        bool taken = false;           // its slot is in taken_, because no row has it
        std::uint32_t free_slot = 0;  // found by make_room()

        bool is_added() const { return !stored && to.ino != 0; }
    };
    using Table = std::unordered_map<Key, Held, Hash, Equal>;
    Held& mark_changed(const Place& at);

    Table held_;
    std::vector<Table::value_type*> changed_;     // to be written
    std::unordered_map<Ino, std::size_t> added_;  // names without a row, by their folder
    // The slots of names that were added since the last write(), as bits.
    struct Group {
        Ino folder = 0;
        std::uint64_t group = 0;
        bool operator==(const Group&) const = default;
    };
    struct GroupHash {
        std::size_t operator()(const Group& g) const {
            return g.group ^ g.folder * 0x9e3779b97f4a7c15;
        }
    };
    std::unordered_map<Group, std::uint32_t, GroupHash> taken_;
    std::uint64_t changes_ = 0;
    RowCache cache_;
};

}  // namespace flexfs::meta
