// An object store: immutable objects under keys. What every store promises: put is atomic (a reader
// sees all of the object or none of it) and durable once done; a get gives exactly the bytes asked
// for. flexfs never puts other content under a key that exists, so that a put may be repeated.
//
// open_store() (lib/object/address.h) gives stores that repeat requests on passing faults, within a
// bound of tries and time, before they say EIO. A back end by itself tries once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/task/task.h"

namespace flexfs::object {

inline constexpr std::size_t key_bytes_max = 1024;
// No store is asked for more, nor gives more: bounds what a foreign object can make us allocate.
inline constexpr std::uint64_t object_bytes_max = 64 << 20;
inline constexpr std::size_t list_limit_max = 10'000;

// What the store was asked and how much went through, since it was opened. Requests that failed or
// were repeated count each time; bytes count when they arrived.
struct Counters {
    std::uint64_t gets = 0, puts = 0, deletes = 0, lists = 0;  // deletes: keys, not requests
    std::uint64_t get_bytes = 0, put_bytes = 0;
};

struct Listed {
    std::string key;
    std::uint64_t bytes = 0;
    Time modified = 0;
};

// Bytes [offset, offset + size) of an object.
struct ByteRange {
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
};

struct Page {
    std::vector<Listed> objects;  // in the byte order of their keys
    bool more = false;
};

class Store {
public:
    virtual ~Store() = default;

    // All operations: EINVAL for a key that check_key() refuses; ECANCELED when the task is
    // stopped (a put may then be done or not); EACCES, EIO.

    // The pieces, one after the other, as one object; they must stay as they are meanwhile. ENOSPC,
    // EDQUOT, EROFS; EFBIG above object_bytes_max. On error nothing is left behind.
    virtual Task<void> put(std::string key, std::vector<Buffer> pieces) = 0;
    // Bytes [offset, offset + size). ENOENT; ERANGE when the object ends before that.
    virtual Task<Buffer> get(std::string key, std::uint64_t offset, std::size_t size) = 0;
    // Several ranges, by offset and apart from each other, with one request that takes what lies
    // between them, too; at least one. Each comes in memory of its own. Errors as get().
    virtual Task<std::vector<Buffer>> get_ranges(std::string key, std::vector<ByteRange> ranges);
    // The whole object. ENOENT; EFBIG above object_bytes_max.
    virtual Task<Buffer> get(std::string key) = 0;
    // How long it is. ENOENT.
    virtual Task<std::uint64_t> size(std::string key) = 0;
    // Keys that do not exist are no error. A removed object may come back with a power cut.
    virtual Task<void> remove(std::vector<std::string> keys) = 0;
    // Objects whose key begins with `prefix`, after the key `after` (or from the first, when it is
    // empty); at most `limit`, which is 1 to list_limit_max.
    virtual Task<Page> list(std::string prefix, std::string after, std::size_t limit) = 0;

    // Free and total bytes, where the store knows; {0, 0} where it does not.
    struct Space {
        std::uint64_t free = 0, total = 0;
    };
    virtual Task<Space> space() = 0;

    // Waits for the end of requests that were given up but could not be stopped. To be called, and
    // nothing after it, before a store that served requests is destroyed.
    virtual Task<void> close() { co_return; }

    virtual Counters counters() const = 0;
    // For people: "folder /data", "s3://bucket/prefix".
    virtual std::string describe() const = 0;
};

// A key is one or more names joined by '/', each 1 to 255 bytes without NUL and not beginning with
// '.': it can name nothing outside a folder, nor what a store keeps there for itself. EINVAL.
Result<void> check_key(std::string_view key);

}  // namespace flexfs::object
