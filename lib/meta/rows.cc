#include "lib/meta/rows.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

#include "lib/base/format.h"
#include "lib/meta/volume.h"

namespace flexfs::meta {
namespace {

// Times far apart may differ by more than 63 bits; unsigned arithmetic still restores them.
std::int64_t difference(Time a, Time b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
Time sum(Time a, std::int64_t b) {
    return static_cast<Time>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

std::uint64_t rotate(std::uint64_t x, int by) {
    return x << by | x >> (64 - by);
}

}  // namespace

bool Inode::is_directory() const {
    return S_ISDIR(attr.mode);
}

bool Inode::is_file() const {
    return S_ISREG(attr.mode);
}

Inode inode_from(const db::Query& query, int column) {
    Inode inode;
    wire::Attr& a = inode.attr;
    a.ino = query.number(column);
    a.mode = query.as<std::uint32_t>(column + 1);
    a.uid = query.as<std::uint32_t>(column + 2);
    a.gid = query.as<std::uint32_t>(column + 3);
    a.nlink = query.as<std::uint32_t>(column + 4);
    a.size = query.number(column + 5);
    a.used = query.number(column + 6);
    a.btime = query.integer(column + 7);
    a.atime = sum(a.btime, query.integer(column + 8));
    a.mtime = sum(a.btime, query.integer(column + 9));
    a.ctime = sum(a.btime, query.integer(column + 10));
    a.rdev = query.number(column + 11);
    a.parent = query.number(column + 12);
    a.flags = query.as<std::uint32_t>(column + 13);
    inode.state = query.as<std::uint32_t>(column + 14);
    a.has_xattrs = inode.has(has_xattrs);
    inode.since = sum(a.ctime, query.integer(column + 15));
    return inode;
}

Result<void> store_inode(db::Stmt& add_or_set, const Inode& inode) {
    const wire::Attr& a = inode.attr;
    return add_or_set.run(a.ino, a.mode, a.uid, a.gid, a.nlink, a.size, a.used, a.btime,
                          difference(a.atime, a.btime), difference(a.mtime, a.btime),
                          difference(a.ctime, a.btime), a.rdev, a.parent, a.flags, inode.state,
                          difference(inode.since, a.ctime));
}

Result<std::optional<Inode>> load_inode(Statements& st, Ino ino) {
    db::Query query(st.inode_get, ino);
    TRY(bool found, query.next());
    if (!found) return std::nullopt;
    return inode_from(query);
}

Result<std::optional<Name>> load_name(Statements& st, Ino parent, std::uint64_t hash,
                                      std::string_view name) {
    db::Query query(st.dentry_get, parent, hash, name);
    TRY(bool found, query.next());
    if (!found) return std::nullopt;
    return Name{query.number(0), query.as<std::uint32_t>(1), query.as<std::uint32_t>(2),
                query.integer(3)};
}

Result<Small> load_inline(Statements& st, const Inode& inode) {
    Small small;
    if (!inode.has(has_inline)) return small;
    const std::uint64_t first = inode.attr.ino * inline_pieces;
    std::vector<std::byte> data;
    data.reserve(std::min<std::uint64_t>(inode.attr.size, wire::inline_bytes_max));
    db::Query query(st.inline_get, first, first + inline_pieces - 1);
    for (;;) {
        TRY(bool row, query.next());
        if (!row) break;
        if (data.empty()) {
            small.inline_bytes = query.as<std::uint32_t>(1);
            small.version = query.null(2) ? wire::inline_version_old : query.number(2);
        }
        const ByteView piece = query.blob(0);
        data.insert(data.end(), piece.begin(), piece.end());
    }
    small.data = Buffer::take(std::move(data));
    return small;
}

Result<std::optional<Buffer>> load_xattr(Statements& st, const Inode& inode,
                                         std::string_view name) {
    if (!inode.has(has_xattrs)) return std::nullopt;
    db::Query query(st.xattr_get, inode.attr.ino, name);
    TRY(bool found, query.next());
    if (!found) return std::nullopt;
    return Buffer::copy_of(query.blob(0));
}

Result<std::vector<Cut>> load_cuts(Statements& st, const Inode& inode) {
    std::vector<Cut> cuts;
    if (!inode.has(has_cuts)) return cuts;
    db::Query query(st.cut_list, inode.attr.ino);
    for (;;) {
        TRY(bool row, query.next());
        if (!row) return cuts;
        cuts.push_back({query.number(0), query.number(1)});
    }
}

bool is_cut(const std::vector<Cut>& cuts, const wire::Extent& extent) {
    return std::ranges::any_of(
        cuts, [&](const Cut& cut) { return extent.idx >= cut.idx && extent.seq < cut.seq; });
}

wire::Extent extent_from(const db::Query& query) {
    wire::Extent e;
    e.idx = query.number(0);
    e.seq = query.number(1);
    e.off = query.as<std::uint32_t>(2);
    e.len = query.as<std::uint32_t>(3);
    e.skip = query.as<std::uint32_t>(4);
    e.segment = query.number(5);
    e.pos = query.as<std::uint32_t>(6);
    e.stored = query.as<std::uint32_t>(7);
    e.check = query.number(8);
    e.form = static_cast<wire::FrameForm>(query.as<std::uint8_t>(9));
    e.chunks = as_text(query.blob(10));
    return e;
}

Result<std::vector<wire::Extent>> load_extents(Statements& st, const Inode& inode,
                                               std::uint64_t first, std::uint64_t last,
                                               std::size_t limit) {
    std::vector<wire::Extent> extents;
    if (!inode.has(has_extents)) return extents;
    TRY(const std::vector<Cut> cuts, load_cuts(st, inode));
    const auto top = static_cast<std::uint64_t>(INT64_MAX);
    db::Query query(st.extent_list, inode.attr.ino, std::min(first, top), std::min(last, top));
    while (extents.size() < limit) {
        TRY(bool row, query.next());
        if (!row) break;
        const wire::Extent extent = extent_from(query);
        if (!is_cut(cuts, extent)) extents.push_back(extent);
    }
    if (inode.has(has_unwritten))
        std::ranges::sort(extents, {}, [](const wire::Extent& e) {
            return std::tuple(e.idx, !e.is_unwritten(), e.seq);
        });
    return extents;
}

Result<Blocks> load_blocks(Statements& st, const Inode& inode, std::uint64_t first,
                           std::uint64_t last, std::size_t limit) {
    Blocks blocks;
    TRY(blocks.extents, load_extents(st, inode, first, last, limit + 1));
    if (blocks.extents.size() <= limit) return blocks;
    blocks.more = true;
    const std::uint64_t split = blocks.extents.back().idx;
    std::erase_if(blocks.extents, [&](const wire::Extent& e) { return e.idx == split; });
    if (blocks.extents.empty()) {
        TRY(blocks.extents, load_extents(st, inode, split, split));
    }
    return blocks;
}

Result<wire::Entry> entry_of(Statements& st, const Inode& inode, bool with_data) {
    wire::Entry entry;
    entry.attr = inode.attr;
    if (!with_data || !inode.is_file()) return entry;
    TRY(entry.extents, load_extents(st, inode, 0, UINT64_MAX, entry_extents_max + 1));
    entry.has_data = entry.extents.size() <= entry_extents_max;
    if (!entry.has_data) entry.extents.clear();
    TRY(Small small, load_inline(st, inode));
    entry.inline_bytes = small.inline_bytes;
    entry.inline_version = small.version;
    entry.inline_data = std::move(small.data);
    return entry;
}

Result<void> check_name(std::string_view name) {
    if (name.size() > wire::name_bytes_max) return fail(ENAMETOOLONG);
    if (name.empty() || name == "." || name == "..") return fail(EINVAL);
    if (name.find('/') != name.npos || name.find('\0') != name.npos) return fail(EINVAL);
    return {};
}

// SipHash-1-3 (Aumasson, Bernstein) with the volume's key as both halves. It is fast on short
// names, and without the key it is not possible to fill a directory with names of one hash.
std::uint64_t name_hash(std::string_view name, std::uint64_t key) {
    std::uint64_t v0 = key ^ 0x736f6d6570736575, v1 = key ^ 0x646f72616e646f6d;
    std::uint64_t v2 = key ^ 0x6c7967656e657261, v3 = key ^ 0x7465646279746573;
    const auto round = [&] {
        v0 += v1, v1 = rotate(v1, 13) ^ v0, v0 = rotate(v0, 32);
        v2 += v3, v3 = rotate(v3, 16) ^ v2;
        v0 += v3, v3 = rotate(v3, 21) ^ v0;
        v2 += v1, v1 = rotate(v1, 17) ^ v2, v2 = rotate(v2, 32);
    };
    const auto absorb = [&](std::uint64_t word) {
        v3 ^= word;
        round();
        v0 ^= word;
    };
    const std::size_t whole = name.size() / 8 * 8;
    for (std::size_t at = 0; at < whole; at += 8)
        absorb(load_le<std::uint64_t>(as_bytes(name).data() + at));
    std::uint64_t last = static_cast<std::uint64_t>(name.size()) << 56;
    for (std::size_t at = whole; at < name.size(); ++at)
        last |= std::uint64_t{static_cast<unsigned char>(name[at])} << (at - whole) * 8;
    absorb(last);
    v2 ^= 0xff;
    for (int i = 0; i < 3; ++i) round();
    return std::max<std::uint64_t>((v0 ^ v1 ^ v2 ^ v3) >> 1, 3);
}

}  // namespace flexfs::meta
