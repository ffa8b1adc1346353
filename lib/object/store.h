// An object store: immutable objects under keys. What every back end promises:
// put is atomic (a reader sees all of it or nothing) and durable once done; keys are never overwritten by flexfs;
// operations repeat themselves on passing faults, within a bound of tries and time, before they say EIO.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/time.h"
#include "lib/task/task.h"

namespace flexfs::object {

// What the store was asked and how much went through, since it was opened.
struct Counters {
    std::uint64_t gets = 0, puts = 0, deletes = 0, lists = 0;    // requests, repeated ones included
    std::uint64_t get_bytes = 0, put_bytes = 0;
};

struct Listed {
    std::string key;
    std::uint64_t bytes = 0;
    Time modified = 0;
};

struct Page {
    std::vector<Listed> objects;  // in the order of their keys
    bool more = false;
};

class Store {
public:
    virtual ~Store() = default;

    // The pieces, one after the other, as one object. ENOSPC, EACCES, EIO.
    virtual Task<void> put(std::string key, std::vector<Buffer> pieces) = 0;
    // Bytes [offset, offset + size). ENOENT; ERANGE when the object ends before; EIO.
    virtual Task<Buffer> get(std::string key, std::uint64_t offset, std::size_t size) = 0;
    // The whole object. ENOENT, EIO.
    virtual Task<Buffer> get(std::string key) = 0;
    // How long it is. ENOENT, EIO.
    virtual Task<std::uint64_t> size(std::string key) = 0;
    // Keys that do not exist are no error. EIO, EACCES.
    virtual Task<void> remove(std::vector<std::string> keys) = 0;
    // Objects whose key begins with `prefix`, after the key `after`; at most `limit`.
    virtual Task<Page> list(std::string prefix, std::string after, std::size_t limit) = 0;

    // Free and total bytes, where the store knows; {0, 0} where it does not.
    struct Space {
        std::uint64_t free = 0, total = 0;
    };
    virtual Task<Space> space() = 0;

    virtual const Counters& counters() const = 0;
    // For people: "folder /data", "s3://bucket/prefix".
    virtual std::string describe() const = 0;
};

}  // namespace flexfs::object
