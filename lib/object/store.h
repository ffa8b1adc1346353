// An object store: immutable objects under keys. Every store guarantees that put is atomic (a
// reader sees the whole object or none) and durable when it returns, and that a get returns exactly
// the bytes asked for. flexfs never puts different content under an existing key, so a put may be
// repeated; the few objects that change are put with put_if().
//
// open_store() (lib/object/address.h) returns stores that repeat requests after transient faults,
// within a limit of tries and time, before they return EIO. A back end itself tries once.
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
// No store is asked for longer objects or returns them. This limits how much memory a foreign
// object can make us allocate.
inline constexpr std::uint64_t object_bytes_max = 64 << 20;
inline constexpr std::size_t list_limit_max = 10'000;
inline constexpr std::uint64_t versioned_bytes_max = 1 << 20;

// Counts requests and bytes since the store was opened. Requests that failed or were repeated count
// each time; bytes count when they have arrived.
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

// The content of an object that may change, and a tag that changes with it.
struct Versioned {
    Buffer content;
    std::string tag;
};

struct Page {
    std::vector<Listed> objects;  // in the byte order of their keys
    bool more = false;
};

class Store {
public:
    virtual ~Store() = default;

    // All operations: EINVAL if check_key() refuses the key; ECANCELED if the task is stopped (a
    // put may then have been executed or not); EACCES, EIO.

    // Stores the concatenated pieces as one object; they must not change meanwhile. ENOSPC, EDQUOT,
    // EROFS; EFBIG above object_bytes_max. After an error the object may exist or not.
    virtual Task<void> put(std::string key, std::vector<Buffer> pieces) = 0;
    // Returns bytes [offset, offset + size). ENOENT; ERANGE if the object ends before that.
    virtual Task<Buffer> get(std::string key, std::uint64_t offset, std::size_t size) = 0;
    // Returns several ranges with one request, which also reads the bytes between them. There must
    // be at least one range; they must be sorted by offset and must not overlap. Each is returned
    // in memory of its own. Errors as get().
    virtual Task<std::vector<Buffer>> get_ranges(std::string key, std::vector<ByteRange> ranges);
    // Returns the whole object. ENOENT; EFBIG above object_bytes_max.
    virtual Task<Buffer> get(std::string key) = 0;
    // Returns the length of the object in bytes. ENOENT.
    virtual Task<std::uint64_t> size(std::string key) = 0;
    // Removes objects; keys that do not exist are ignored. A removed object may reappear after a
    // power failure.
    virtual Task<void> remove(std::vector<std::string> keys) = 0;
    // Lists the objects whose key begins with `prefix`, after the key `after` (from the first if it
    // is empty); at most `limit` of them, which is 1 to list_limit_max.
    virtual Task<Page> list(std::string prefix, std::string after, std::size_t limit) = 0;

    // Returns an object of at most versioned_bytes_max with its tag. ENOENT; EFBIG.
    virtual Task<Versioned> get_versioned(std::string key);
    // Puts the object if its tag still is `tag`; with an empty one, if there is no such object.
    // Returns the new tag. EEXIST: the object is another by now and was left alone, or an earlier
    // try of this very put was executed although its answer was lost. EOPNOTSUPP: the store cannot
    // do this, and nothing was put. Both answer that by default.
    virtual Task<std::string> put_if(std::string key, Buffer content, std::string tag);

    // Free and total bytes, or {0, 0} if the store does not know them.
    struct Space {
        std::uint64_t free = 0, total = 0;
    };
    virtual Task<Space> space() = 0;

    // Waits for the end of abandoned requests that could not be stopped. Must be called, as the
    // last call, before a store that has served requests is destroyed.
    virtual Task<void> close() { co_return; }

    virtual Counters counters() const = 0;
    // Describes the store to users: "folder /data", "s3://bucket/prefix".
    virtual std::string describe() const = 0;
};

// A key is one or more names joined by '/', each of 1 to 255 bytes, without NUL and not beginning
// with '.'. So it cannot name anything outside a folder, or the files that a store keeps there for
// itself. EINVAL.
Result<void> check_key(std::string_view key);

}  // namespace flexfs::object
