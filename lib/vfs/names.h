// A bounded cache of names that were looked up or made. An entry is valid as long as the grant on
// its directory holds. A folder that was made here is known completely as long as none of its names
// had to be dropped: then the cache also knows which names are not in it.
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
    // Takes `bytes` of `budget` from the beginning.
    NameCache(cache::Budget& budget, std::uint64_t bytes)
        : bytes_max_(bytes), memory_(budget.set_aside(bytes)) {}

    // The inode, or 0 if the name is not cached.
    Ino find(Ino parent, std::string_view name);
    // A name of the inode in that folder; empty if none is cached. Linear in the number of entries.
    std::string name_of(Ino parent, Ino ino) const;
    void put(Ino parent, std::string_view name, Ino ino);
    // The folder has no such name.
    void erase(Ino parent, std::string_view name);
    // It is not known whether the folder has that name, or for which inode.
    void forget(Ino parent, std::string_view name);
    void clear();
    // `function(parent, name)` for each.
    template <class F>
    void each(F&& function) const {
        for (const Entry& entry : entries_) function(entry.parent, entry.name);
    }

    // The folder is new and empty: it is known completely.
    void made_folder(Ino folder);
    // The folder was removed, or may have names that are not cached.
    void forget_folder(Ino folder) { whole_.erase(folder); }
    // The folder has no name that find() does not find.
    bool knows_all(Ino folder) const { return whole_.contains(folder); }

private:
    struct Key {
        Ino parent;
        std::string_view name;  // refers to the entry's
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
    std::unordered_set<Ino> whole_;  // folders that are known completely
    std::uint64_t bytes_ = 0;        // of entries_
    std::uint64_t bytes_max_;
    cache::Reservation memory_;
};

}  // namespace flexfs::vfs
