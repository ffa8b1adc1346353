// Rows as values, and the small files' data: what both reads and changes use.
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

// Which other tables have rows of an inode, so that they need not be queried in vain. The numbers
// never change.
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

// The data of a small file, as messages have it.
struct Small {
    Buffer data;
    std::uint32_t inline_bytes = 0;
    std::uint64_t version = 0;  // wire::Entry::inline_version

    bool is_packed() const { return inline_bytes != 0; }
    // How many of the file's bytes it is.
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
// The `due` of a segment whose deletion has begun: no extent may lead into it again. That of other
// garbage is the time of its death.
inline constexpr Time condemned = INT64_MIN;
// Six of these fill a page of 4096 bytes, twelve one of 8192.
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
// Empty optional: it has no such extended attribute.
Result<std::optional<Buffer>> load_xattr(Statements& st, const Inode& inode, std::string_view name);
// The rows of `cut` for the inode.
Result<std::vector<Cut>> load_cuts(Statements& st, const Inode& inode);
bool is_cut(const std::vector<Cut>& cuts, const wire::Extent& extent);
wire::Extent extent_from(const db::Query& query);
// The extents of blocks [first, last] that no cut hides, at most `limit` of them: by block, and
// within a block in the order in which they lie over each other, the unwritten first and then by
// seq.
Result<std::vector<wire::Extent>> load_extents(Statements& st, const Inode& inode,
                                               std::uint64_t first, std::uint64_t last,
                                               std::size_t limit = SIZE_MAX);
// The same, cut after whole blocks; the first block always comes whole.
struct Blocks {
    std::vector<wire::Extent> extents;
    bool more = false;
};
Result<Blocks> load_blocks(Statements& st, const Inode& inode, std::uint64_t first,
                           std::uint64_t last, std::size_t limit);
// Returns an inode's Entry, with its data if `with_data` is set and it is short enough.
Result<wire::Entry> entry_of(Statements& st, const Inode& inode, bool with_data);

// EINVAL: empty, ".", "..", or with '/' or NUL inside. ENAMETOOLONG: more than name_bytes_max.
Result<void> check_name(std::string_view name);
// The hash that orders a directory: 63 bits, 3 or more. `key` is the volume's.
std::uint64_t name_hash(std::string_view name, std::uint64_t key);

// The position of a name in its directory, as readdir(3), telldir(3) and seekdir(3) use it, has 31
// bits, so that 32-bit programs can hold it: 28 of the hash, its group, and 3 of the slot that the
// name got in its group when it was made. So no two names of a directory share a position, and a
// listing can go on after any of them. Positions below 8 lead to no name.
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
