// Keeps files of recently read objects open: opening a file costs more than a small read of it.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "lib/base/descriptor.h"
#include "lib/base/result.h"

namespace flexfs::object {

// An object that is open for reading, and its length when it was opened or found.
struct OpenObject {
    std::shared_ptr<const Descriptor> fd;
    std::uint64_t bytes = 0;
};

// Several threads may call it concurrently.
class OpenObjects {
public:
    // Opens the file `key` below the folder `root`. ENOENT: there is no such file; otherwise the
    // error of the system. A file that is already open is checked first: if it has lost its last
    // name, it is opened again.
    Result<OpenObject> open(int root, const std::string& key);
    // Returns a null `fd` if the file is not open or has lost its last name.
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
