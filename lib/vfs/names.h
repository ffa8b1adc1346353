// Names that were looked up or made, as long as the grant on their directory holds; as many as
// there is room for. Of folders that were made here, and whose names all had room so far, it is
// known as well which names they have not.
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

class Names {
public:
    // `bytes` of `budget` are theirs from the beginning.
    Names(cache::Budget& budget, std::uint64_t bytes)
        : bytes_max_(bytes), memory_(budget.claim(bytes)) {}

    // The inode, or 0 when the name is not known.
    Ino find(Ino parent, std::string_view name);
    // A name of the inode in that folder; empty when none is known. Looks through all of them.
    std::string name_of(Ino parent, Ino ino) const;
    void put(Ino parent, std::string_view name, Ino ino);
    // There is no such name (any more).
    void erase(Ino parent, std::string_view name);
    // It may lead anywhere, or nowhere.
    void forget(Ino parent, std::string_view name);
    void clear();

    // The folder is new, and empty.
    void made_folder(Ino folder);
    // It was removed, or it is not known any more what is in it.
    void forget_folder(Ino folder) { whole_.erase(folder); }
    // What find() does not find is not there.
    bool knows_all(Ino folder) const { return whole_.contains(folder); }

private:
    struct Key {
        Ino parent;
        std::string_view name;  // of the entry
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

    Entries entries_;  // the longest unused last
    std::unordered_map<Key, Entries::iterator, KeyHash> by_name_;
    std::unordered_set<Ino> whole_;  // folders all names of which are here
    std::uint64_t bytes_ = 0;        // of entries
    std::uint64_t bytes_max_;
    cache::Reservation memory_;
};

}  // namespace flexfs::vfs
