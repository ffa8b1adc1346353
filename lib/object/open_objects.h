// Files of objects that are read again and again stay open: opening one costs more than a small
// read of it.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "lib/base/descriptor.h"
#include "lib/base/result.h"

namespace flexfs::object {

// An object that is open for reading, and its length when it was asked for.
struct OpenObject {
    std::shared_ptr<const Descriptor> fd;
    std::uint64_t bytes = 0;
};

// Any thread may call it, several at once.
class OpenObjects {
public:
    // Opens the file `key` below the folder `root`. ENOENT: there is no such file; else what the
    // system says. A file that is open already is looked at once more: one that lost its last name
    // is opened anew.
    Result<OpenObject> open(int root, const std::string& key);
    // Null where it is not open, or has lost its last name.
    OpenObject find(const std::string& key);
    void forget(const std::string& key);

private:
    static constexpr std::size_t open_max = 64;
    struct Entry {
        std::string key;
        std::shared_ptr<const Descriptor> fd;
    };
    using Entries = std::list<Entry>;  // newest first

    std::mutex mutex_;
    Entries entries_;
    std::unordered_map<std::string, Entries::iterator> places_;
};

}  // namespace flexfs::object
