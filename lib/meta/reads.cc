// The operations that only read.
#include "lib/meta/reads.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/meta/permission.h"

namespace flexfs::meta {
namespace {

Result<Inode> existing(State& state, Ino ino) {
    if (const auto newer = state.inodes.newer(ino)) {
        if (!*newer) return fail(ESTALE);
        return **newer;
    }
    TRY(const std::optional<Inode> inode, load_inode(state.st, ino));
    if (!inode) return fail(ESTALE);
    return *inode;
}

std::unexpected<Error> lost_inode(Ino ino) {
    return fail(EIO, fmt::format("a name refers to the unknown inode {}", ino));
}

// Returns the inode that a name refers to, from the columns `ino` and INODE_COLUMNS (null without a
// row).
Result<Inode> target_from(const State& state, const db::Query& query) {
    const Ino ino = query.number(0);
    if (const auto newer = state.inodes.newer(ino)) {
        if (!*newer) return lost_inode(ino);
        return **newer;
    }
    if (query.null(1)) return lost_inode(ino);
    return inode_from(query);
}

// Empty optional: there is no such name.
Result<std::optional<Inode>> target(State& state, Ino folder, std::string_view name) {
    const std::uint64_t hash = state.hash(name);
    if (const auto known = state.entries.known({folder, hash, name})) {
        if (known->ino == 0) return std::nullopt;
        auto inode = existing(state, known->ino);
        if (code_of(inode) == ESTALE) return lost_inode(known->ino);
        return inode;
    }
    db::Query query(state.st.lookup, folder, hash, name);
    TRY(const bool found, query.next());
    if (!found) return std::nullopt;
    return target_from(state, query);
}

Result<wire::DirEntry> entry_from(const State& state, const db::Query& query, bool plus) {
    wire::DirEntry entry;
    if (!plus) {
        entry.cookie = position_of(query.number(0), query.as<std::uint32_t>(4));
        entry.name = query.text(1);
        entry.ino = query.number(2);
        entry.mode = query.as<std::uint32_t>(3) << 12;
        return entry;
    }
    TRY(const Inode target, target_from(state, query));
    entry.ino = target.attr.ino;
    entry.attr = target.attr;
    entry.mode = entry.attr.mode;
    entry.cookie = position_of(query.number(16), query.as<std::uint32_t>(19));
    entry.name = query.text(17);
    return entry;
}

}  // namespace

Result<wire::Entry> lookup(State& state, const wire::Lookup& request, bool with_data) {
    if (request.name.size() > wire::name_bytes_max) return fail(ENAMETOOLONG);
    if (request.name == "." || request.name == "..") {
        TRY(const Inode folder, existing(state, request.parent));
        if (request.name == ".") return entry_of(state.st, folder, with_data);
        if (!folder.is_directory()) return fail(ENOTDIR);
        TRY(const Inode parent, existing(state, folder.attr.parent));
        return entry_of(state.st, parent, with_data);
    }
    TRY(const std::optional<Inode> inode, target(state, request.parent, request.name));
    if (inode) return entry_of(state.st, *inode, with_data);
    TRY(const Inode folder, existing(state, request.parent));
    return fail(folder.is_directory() ? ENOENT : ENOTDIR);
}

Result<wire::Entry> getattr(State& state, const wire::GetAttr& request, bool with_data) {
    TRY(const Inode inode, existing(state, request.ino));
    return entry_of(state.st, inode, with_data);
}

Result<wire::Listing> readdir(State& state, const wire::ReadDir& request) {
    TRY(const Inode folder, existing(state, request.ino));
    if (!folder.is_directory()) return fail(ENOTDIR);
    wire::Listing listing;
    if (request.after > wire::cookie_max) {
        listing.end = true;
        return listing;
    }
    auto& entries = listing.entries;
    const Hashes hashes = hashes_of(std::max<std::uint64_t>(request.after / name_slots, 1));
    std::uint64_t group = 0;
    std::size_t group_begin = 0;  // where its entries begin
    db::Query query(request.plus ? state.st.dentry_list_plus : state.st.dentry_list, request.ino,
                    hashes.first);
    // Rows are ordered by hash, which within a group is not the order of their positions.
    for (;;) {
        TRY(const bool row, query.next());
        wire::DirEntry entry;
        if (row) {
            TRY(entry, entry_from(state, query, request.plus));
        }
        if (!row || entry.cookie / name_slots != group) {
            std::sort(entries.begin() + static_cast<std::ptrdiff_t>(group_begin), entries.end(),
                      [](const auto& a, const auto& b) { return a.cookie < b.cookie; });
            listing.end = !row;
            if (!row || entries.size() >= std::max(request.limit, 1u)) return listing;
            group = entry.cookie / name_slots;
            group_begin = entries.size();
        }
        if (entry.cookie > request.after) entries.push_back(std::move(entry));
    }
}

Result<wire::Target> readlink(State& state, const wire::ReadLink& request) {
    TRY(const Inode inode, existing(state, request.ino));
    if (!S_ISLNK(inode.attr.mode)) return fail(EINVAL);
    db::Query query(state.st.symlink_get, request.ino);
    TRY(bool found, query.next());
    if (!found) return fail(EIO, fmt::format("symlink {} has lost its target", request.ino));
    return wire::Target{std::string(query.text(0))};
}

Result<wire::Value> getxattr(State& state, const wire::GetXattr& request) {
    TRY(wire::check_xattr_name(request.name));
    TRY(const Inode inode, existing(state, request.ino));
    TRY(std::optional<Buffer> value, load_xattr(state.st, inode, request.name));
    if (!value) return fail(ENODATA);
    return wire::Value{std::move(*value)};
}

Result<wire::Names> listxattr(State& state, const wire::ListXattr& request) {
    TRY(const Inode inode, existing(state, request.ino));
    wire::Names names;
    if (!inode.has(has_xattrs)) return names;
    db::Query query(state.st.xattr_names, request.ino);
    for (;;) {
        TRY(bool row, query.next());
        if (!row) return names;
        names.names.emplace_back(query.text(0));
    }
}

Result<wire::ExtentList> extents(State& state, const wire::Extents& request) {
    TRY(const Inode inode, existing(state, request.ino));
    if (inode.is_directory()) return fail(EISDIR);
    wire::ExtentList list;
    list.attr = inode.attr;
    TRY(Small small, load_inline(state.st, inode));
    list.inline_bytes = small.inline_bytes;
    list.inline_version = small.version;
    list.inline_data = std::move(small.data);
    if (request.count == 0) return list;
    const std::uint64_t most = UINT64_MAX - request.first;
    const std::uint64_t last = request.first + std::min(request.count - 1, most);
    const std::size_t limit = std::max<std::size_t>(request.limit, 1);
    TRY(Blocks blocks, load_blocks(state.st, inode, request.first, last, limit));
    list.extents = std::move(blocks.extents);
    list.more = blocks.more;
    return list;
}

Result<wire::Done> access(State& state, const wire::Access& request, SessionId session) {
    TRY(const Inode inode, existing(state, request.ino));
    TRY(Caller(state.st, *state.sessions, session, request.who).may(inode, request.mask));
    return wire::Done{};
}

Result<std::vector<SegmentState>> segments(State& state, SegmentId after, std::size_t limit) {
    std::vector<SegmentState> found;
    db::Query query(state.st.segment_list, after, limit);
    for (;;) {
        TRY(bool row, query.next());
        if (!row) return found;
        found.push_back({query.number(0), query.number(1), query.number(2), query.integer(3)});
    }
}

wire::Statistics statfs(const State& state) {
    return {.used_bytes = state.counters.used_bytes,
            .inodes = state.counters.inodes(),
            .max_bytes = state.info.max_blocks * state.info.block_bytes,
            .max_inodes = state.info.max_inodes};
}

}  // namespace flexfs::meta
