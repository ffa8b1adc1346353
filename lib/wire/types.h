// The values that messages consist of, and that the metadata engine stores.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/time.h"
#include "lib/wire/fields.h"

namespace flexfs::wire {

using Ino = std::uint64_t;        // never reused; 1 is the root
using SegmentId = std::uint64_t;  // never reused; 0 is none
using SessionId = std::uint64_t;  // never reused; 0 is none
inline constexpr Ino root_ino = 1;

inline constexpr std::size_t name_bytes_max = 255;
inline constexpr std::size_t symlink_bytes_max = 4095;
inline constexpr std::size_t xattr_name_bytes_max = 255;
inline constexpr std::size_t xattr_value_bytes_max = 64 << 10;
inline constexpr std::uint32_t nlink_max = 1u << 31;
inline constexpr std::uint64_t file_bytes_max = INT64_MAX;
inline constexpr std::uint32_t block_bytes_min = 256 << 10;
inline constexpr std::uint32_t block_bytes_max = 8 << 20;
inline constexpr std::uint32_t inline_bytes_max = 16 << 10;
// The clients' form of a small file's data may be at most this much longer than the data.
inline constexpr std::uint32_t inline_overhead_max = 16;
// Unwritten extents consist of pages; a block is a multiple of them.
inline constexpr std::uint64_t page_bytes = 4096;
constexpr std::uint64_t page_floor(std::uint64_t offset) {
    return offset - offset % page_bytes;
}
constexpr std::uint64_t page_ceil(std::uint64_t offset) {
    return page_floor(offset + (page_bytes - 1));
}

// The caller of a request. Inside a volume the server trusts the client's user ids.
struct Who {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    FLEXFS_FIELDS(uid, gid)
};

// Whether root is mapped to an unprivileged user in a session, and to which one.
struct Squash {
    bool root = false;
    std::uint32_t uid = 65534;
    std::uint32_t gid = 65534;
    FLEXFS_FIELDS(root, uid, gid)

    bool applies_to(const Who& who) const { return root && who.uid == 0; }
};

// Attr::flags, in the numbers of linux/fs.h (FS_IMMUTABLE_FL, …).
enum InodeFlag : std::uint32_t {
    flag_immutable = 0x10,  // neither the inode nor the names in it change
    flag_append = 0x20,     // data is only appended, names are only added
    flag_nodump = 0x40,
    flag_noatime = 0x80,
};

// The attributes that stat(2) reports about an inode, and a few more.
struct Attr {
    Ino ino = 0;
    std::uint32_t mode = 0;  // S_IFMT and permission bits
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t nlink = 0;  // of a directory: 2 + its subdirectories
    std::uint64_t size = 0;   // bytes
    std::uint64_t used = 0;   // bytes outside holes: data or unwritten extents
    Time atime = 0;
    Time mtime = 0;
    Time ctime = 0;
    Time btime = 0;
    std::uint64_t rdev = 0;
    Ino parent = 0;           // of a directory; of others, where it was made or last renamed to
    std::uint32_t flags = 0;  // InodeFlag
    bool has_xattrs =
        false;  // false: it has no extended attributes, so there is no need to look them up
    FLEXFS_FIELDS(ino, mode, uid, gid, nlink, size, used, atime, mtime, ctime, btime, rdev, parent,
                  flags, has_xattrs)
    bool operator==(const Attr&) const = default;
};

// The highest enumerator; a decoder refuses numbers above it.
template <class E>
inline constexpr E enum_last;

// The format of a frame, by its number (lib/block/frame.h).
enum class FrameForm : std::uint8_t {
    whole = 1,    // one body, checked as a whole; no longer written
    chunked = 2,  // chunks that are compressed and checked separately
};
template <>
inline constexpr FrameForm enum_last<FrameForm> = FrameForm::chunked;

// The longest `chunks` of an extent.
inline constexpr std::size_t chunk_list_bytes_max = 1024;

// Bytes [off, off + len) of block `idx` are the bytes [skip, skip + len) of the data that the frame
// at `pos` in `segment` holds. Where two extents of a block overlap, the higher seq covers the
// lower. Where no extent covers a block, it is a hole and reads as zeros.
//
// An extent without a segment is unwritten: it reads as zeros and reserves space, in whole pages of
// page_bytes, also beyond the end of the file. It lies below all extents that have a segment,
// whatever its seq.
struct Extent {
    std::uint64_t idx = 0;   // file offset / block size
    std::uint64_t seq = 0;   // given by the server, increasing within a volume
    std::uint32_t off = 0;   // bytes from the start of the block
    std::uint32_t len = 0;   // bytes
    std::uint32_t skip = 0;  // bytes into the frame's data; not 0 after an extent was cut or shared
    SegmentId segment = 0;
    std::uint32_t pos = 0;     // bytes from the start of the segment
    std::uint32_t stored = 0;  // bytes of the whole frame there, header included
    std::uint64_t check = 0;   // of the frame: binds this row to the frame's content
    // Rows and records written before frames had chunks lack these two.
    FrameForm form = FrameForm::whole;
    std::string chunks;  // of a chunked frame: the lengths of its chunks (lib/block/chunk_table.h)
    FLEXFS_FIELDS(idx, seq, off, len, skip, segment, pos, stored, check, form, chunks)
    bool operator==(const Extent&) const = default;

    bool is_unwritten() const { return segment == 0; }
};

enum class Compression : std::uint8_t { none = 0, lz4 = 1, zstd = 2 };
template <>
inline constexpr Compression enum_last<Compression> = Compression::zstd;

// The fixed properties of a volume, and the ones that its owner sets.
struct VolumeInfo {
    std::string id;  // UUID
    std::string name;
    std::uint32_t block_bytes = 4 << 20;  // a power of two
    Compression compression = Compression::lz4;
    std::uint32_t inline_bytes = 8 << 10;  // files up to this size live in the metadata; 0: none
    std::uint64_t max_inodes = 0;          // 0: no limit
    std::uint64_t max_blocks = 0;          // of block_bytes; 0: no limit
    Duration::rep retention_ns = 0;        // how long dead versions are kept
    FLEXFS_FIELDS(id, name, block_bytes, compression, inline_bytes, max_inodes, max_blocks,
                  retention_ns)
    bool operator==(const VolumeInfo&) const = default;
};

// The use that a client may make of the content of a reply.
enum class Grant : std::uint8_t {
    none = 0,       // use it once
    shared = 1,     // cache it until a Revoke names it
    exclusive = 2,  // also hold unsent data, size and times, until a Recall names it
};
template <>
inline constexpr Grant enum_last<Grant> = Grant::exclusive;

}  // namespace flexfs::wire
