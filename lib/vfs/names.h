// A bounded cache of names that were looked up or created. An entry is valid as long as the grant
// on its directory is held. A folder that was created here is completely known until one of its
// names has to be dropped; as long as it is, the cache also knows which names do not exist in it.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "lib/cache/budget.h"
#include "lib/wire/types.h"

namespace flexfs::vfs {

using wire::Ino;

class NameCache {
public:
    // Takes `bytes` of `budget` at construction.
    NameCache(cache::Budget& budget, std::uint64_t bytes)
        : bytes_max_(bytes), memory_(budget.set_aside(bytes)) {}

    // Returns the inode, or 0 if the name is not cached.
    Ino find(Ino parent, std::string_view name);
    // Returns a name of the inode in that folder; empty if none is cached. Linear in the number of
    // entries.
    std::string name_of(Ino parent, Ino ino) const;
    void put(Ino parent, std::string_view name, Ino ino);
    // Records that the folder has no such name.
    void erase(Ino parent, std::string_view name);
    // Forgets whether the folder has that name, and its inode.
    void forget(Ino parent, std::string_view name);
    void clear();
    // Calls `function(parent, name)` for each entry.
    template <class F>
    void each(F&& function) const {
        for (const Entry& entry : entries_) function(entry.parent, entry.name);
    }

    // Records that the folder is new and empty, so it is completely known.
    void made_folder(Ino folder);
    // Records that the folder was removed, or may have names that are not cached.
    void forget_folder(Ino folder) { whole_.erase(folder); }
    // Whether the folder has no names except those that find() finds.
    bool knows_all(Ino folder) const { return whole_.contains(folder); }

private:
    struct Key {
        Ino parent;
        std::string_view name;  // refers to the entry's name
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const {
            return std::hash<std::string_view>()(key.name) ^ (key.parent * 0x9e3779b97f4a7c15ull);
        }
    };
    struct Entry {
        Ino parent;
        std::string name;
        Ino ino;
    };
    using Entries = std::list<Entry>;
    void remove(Entries::iterator entry);
    void shrink();

    Entries entries_;  // most recently used first
    std::unordered_map<Key, Entries::iterator, KeyHash> by_name_;
    std::unordered_set<Ino> whole_;  // folders that are completely known
    std::uint64_t bytes_ = 0;        // memory of entries_
    std::uint64_t bytes_max_;
    cache::Reservation memory_;
};

}  // namespace flexfs::vfs
