// The numbers of requests and pushes in frames of the metadata protocol.
#pragma once

#include <cstdint>

namespace flexfs::wire {

// The numbers never change.
enum class Op : std::uint16_t {
    open_session = 1,
    close_session = 2,
    renew = 3,
    reassert = 4,
    lookup = 10,
    getattr = 11,
    setattr = 12,
    make = 13,
    link = 14,
    unlink = 15,
    rmdir = 16,
    rename = 17,
    readdir = 18,
    readlink = 19,
    access = 20,
    getxattr = 30,
    setxattr = 31,
    listxattr = 32,
    removexattr = 33,
    open = 40,
    release = 41,
    extents = 42,
    commit = 43,
    sync = 44,
    reserve_segments = 45,
    statfs = 46,
    return_grant = 47,
    compact = 48,
    allocate = 49,
    copy_range = 50,
    revoke = 60,
    recall = 61,  // pushes
};

}  // namespace flexfs::wire
