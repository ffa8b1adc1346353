// Rows as values, and the data of small files. Both reads and changes use them.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "lib/meta/statements.h"
#include "lib/wire/messages.h"

namespace flexfs::meta {

using wire::Ino;
using wire::SegmentId;
using wire::SessionId;

// Which other tables have rows of an inode, so that queries without a result are avoided. The
// numbers never change.
enum InodeState : std::uint32_t {
    has_inline = 1,      // rows in inline
    has_extents = 2,     // there may be rows in extent
    has_xattrs = 4,      // there may be rows in xattr
    has_cuts = 8,        // there may be rows in cut
    is_linkable = 16,    // never had a name (O_TMPFILE): Link may give it one
    has_unwritten = 32,  // some of its rows in extent may be unwritten
};

struct Inode {
    wire::Attr attr;
    std::uint32_t state = 0;  // InodeState
    Time since = 0;

    bool is_directory() const;
    bool is_file() const;
    bool has(InodeState bit) const { return (state & bit) != 0; }
    void set_has_xattrs(bool any) {
        state = any ? state | has_xattrs : state & ~std::uint32_t{has_xattrs};
        attr.has_xattrs = any;
    }
};

// The data of a small file, in the form in which messages carry it.
struct Small {
    Buffer data;
    std::uint32_t inline_bytes = 0;
    std::uint64_t version = 0;  // wire::Entry::inline_version

    bool is_packed() const { return inline_bytes != 0; }
    // How many bytes of the file it holds.
    std::uint64_t bytes() const { return is_packed() ? inline_bytes : data.size(); }
};

struct Name {
    Ino ino = 0;
    std::uint32_t kind = 0;  // S_IFMT >> 12
    std::uint32_t slot = 0;  // within the group of its hash
    Time since = 0;
};

struct Cut {
    std::uint64_t idx = 0;
    std::uint64_t seq = 0;
};

inline constexpr std::uint64_t inline_pieces = 32;
// The `due` of a segment whose deletion has begun: no extent may refer to it again. For other
// garbage, `due` is the time at which the last live byte went away.
inline constexpr Time condemned = INT64_MIN;
// Six pieces of this size fill a page of 4096 bytes, and twelve fill one of 8192.
inline constexpr std::size_t inline_piece_bytes = 664;

// Reads the columns `ino` and INODE_COLUMNS, from `column` on.
Inode inode_from(const db::Query& query, int column = 0);
// Empty optional: there is no such inode.
Result<std::optional<Inode>> load_inode(Statements& st, Ino ino);
Result<void> store_inode(db::Stmt& add_or_set, const Inode& inode);
Result<std::optional<Name>> load_name(Statements& st, Ino parent, std::uint64_t hash,
                                      std::string_view name);
// Empty if the inode has no inline data.
Result<Small> load_inline(Statements& st, const Inode& inode);
// Returns an empty optional if the inode has no such extended attribute.
Result<std::optional<Buffer>> load_xattr(Statements& st, const Inode& inode, std::string_view name);
// Returns the rows of `cut` for the inode.
Result<std::vector<Cut>> load_cuts(Statements& st, const Inode& inode);
bool is_cut(const std::vector<Cut>& cuts, const wire::Extent& extent);
wire::Extent extent_from(const db::Query& query);
// Returns the extents of blocks [first, last] that no cut hides, at most `limit` of them, ordered
// by block and within a block from bottom to top: the unwritten first, then by seq.
Result<std::vector<wire::Extent>> load_extents(Statements& st, const Inode& inode,
                                               std::uint64_t first, std::uint64_t last,
                                               std::size_t limit = SIZE_MAX);
// The same, but `limit` only cuts between blocks; the first block is always complete.
struct Blocks {
    std::vector<wire::Extent> extents;
    bool more = false;
};
Result<Blocks> load_blocks(Statements& st, const Inode& inode, std::uint64_t first,
                           std::uint64_t last, std::size_t limit);
// Returns an inode's Entry, with its data if `with_data` is set and it is short enough.
Result<wire::Entry> entry_of(Statements& st, const Inode& inode, bool with_data);

// EINVAL: the name is empty, "." or "..", or contains '/' or NUL. ENAMETOOLONG: it is longer than
// name_bytes_max.
Result<void> check_name(std::string_view name);
// The hash that orders a directory: 63 bits, at least 3. `key` is the volume's.
std::uint64_t name_hash(std::string_view name, std::uint64_t key);

// The position of a name in its directory, as readdir(3), telldir(3) and seekdir(3) use it, has 31
// bits, so that 32-bit programs can store it: 28 bits of the hash, which form the group, and 3 bits
// of the slot that the name got in its group when it was made. So no two names of a directory share
// a position, and a listing can continue after any of them. Positions below 8 belong to no name.
inline constexpr int name_group_shift = 35;
inline constexpr std::uint32_t name_slots = 8;
constexpr std::uint64_t group_of(std::uint64_t hash) {
    return std::max<std::uint64_t>(hash >> name_group_shift, 1);
}
constexpr std::uint64_t position_of(std::uint64_t hash, std::uint32_t slot) {
    return group_of(hash) * name_slots + slot;
}
// The hashes [first, last] of the group.
struct Hashes {
    std::uint64_t first = 0, last = 0;
};
constexpr Hashes hashes_of(std::uint64_t group) {
    const std::uint64_t end = (group + 1) << name_group_shift;
    return {group <= 1 ? 0 : group << name_group_shift, end - 1};
}

}  // namespace flexfs::meta
