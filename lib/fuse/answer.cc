#include "lib/fuse/answer.h"

#include <linux/stat.h>
#include <sys/stat.h>

#include <algorithm>
#include <climits>

namespace flexfs::fuse {
namespace {

constexpr Time second = 1'000'000'000;
// The remaining entries of an iovec are for the header and the structs.
constexpr std::size_t pieces_max = IOV_MAX - 2;

// Programs (stdio, cp) size their buffers by this; it makes fewer requests than a page does.
constexpr std::uint32_t preferred_io_bytes = 64 << 10;

// Floor division: times before 1970 have a negative second and a positive rest.
std::uint64_t seconds(Time t) {
    return std::uint64_t((t >= 0 ? t : t - (second - 1)) / second);
}
std::uint32_t rest(Time t) {
    return std::uint32_t(((t % second) + second) % second);
}

struct Span {
    std::uint64_t s;
    std::uint32_t ns;
};
Span span(Duration d) {
    return {std::uint64_t(d.count() / second), std::uint32_t(d.count() % second)};
}

// The kernel, which checks permissions, asks for a directory's attributes right after it looked the
// directory up while resolving a path, unless they are still valid: the shortest validity, which
// lasts to its next tick, avoids the second request.
Span attr_valid(const vfs::Known& node, const View& view) {
    if (!node.cacheable) return {};
    return span(S_ISDIR(node.attr.mode) ? std::max(view.attr_valid, Duration(1)) : view.attr_valid);
}

}  // namespace

Answer::Answer(std::vector<Buffer> data) : data_(std::move(data)) {
    if (data_.size() <= pieces_max) return;
    WritableBuffer joined(size());
    std::byte* to = joined.data();
    for (const Buffer& piece : data_) to = std::ranges::copy(piece.view(), to).out;
    data_.clear();
    data_.push_back(std::move(joined).freeze());
}

std::size_t Answer::size() const {
    std::size_t bytes = used_;
    for (const Buffer& piece : data_) bytes += piece.size();
    return bytes;
}

fuse_attr kernel_attr(const wire::Attr& attr, std::uint32_t umask) {
    return {
        .ino = attr.ino,
        .size = attr.size,
        .blocks = (attr.used + 511) / 512,
        .atime = seconds(attr.atime),
        .mtime = seconds(attr.mtime),
        .ctime = seconds(attr.ctime),
        .atimensec = rest(attr.atime),
        .mtimensec = rest(attr.mtime),
        .ctimensec = rest(attr.ctime),
        .mode = attr.mode & ~umask,
        .nlink = attr.nlink,
        .uid = attr.uid,
        .gid = attr.gid,
        .rdev = std::uint32_t(attr.rdev),
        .blksize = preferred_io_bytes,
        .flags = 0,
    };
}

fuse_entry_out kernel_entry(const vfs::Known& node, const View& view) {
    const Span entry = span(node.cacheable ? view.entry_valid : Duration::zero());
    const Span attr = attr_valid(node, view);
    return {
        .nodeid = node.attr.ino,
        .generation = 0,  // inode numbers are never reused
        .entry_valid = entry.s,
        .attr_valid = attr.s,
        .entry_valid_nsec = entry.ns,
        .attr_valid_nsec = attr.ns,
        .attr = kernel_attr(node.attr, view.umask),
    };
}

fuse_attr_out kernel_attr_out(const vfs::Known& node, const View& view) {
    const Span valid = attr_valid(node, view);
    return {.attr_valid = valid.s,
            .attr_valid_nsec = valid.ns,
            .dummy = 0,
            .attr = kernel_attr(node.attr, view.umask)};
}

// The kernel refuses 32-bit programs numbers that they cannot hold (EOVERFLOW). So blocks become
// larger units if there are many, and the number of free inodes is limited while those in use fit.
fuse_kstatfs kernel_statfs(const vfs::Filesystem::Space& space) {
    constexpr std::uint64_t most = UINT32_MAX;
    constexpr std::uint64_t free_inodes_told_min = 1 << 20;
    std::uint32_t unit = 4096;
    while (space.total_bytes / unit > most) unit *= 2;
    const std::uint64_t used = space.total_inodes - space.free_inodes;
    const bool fits = used <= most - free_inodes_told_min;
    const std::uint64_t inodes = fits ? std::min(space.total_inodes, most) : space.total_inodes;
    fuse_kstatfs out{};
    out.blocks = space.total_bytes / unit;
    out.bfree = out.bavail = space.free_bytes / unit;
    out.files = inodes;
    out.ffree = inodes - used;
    out.bsize = out.frsize = unit;
    out.namelen = wire::name_bytes_max;
    return out;
}

StatxOut kernel_statx(const vfs::Known& node, const View& view) {
    const fuse_attr_out known = kernel_attr_out(node, view);
    const fuse_attr& attr = known.attr;
    const auto time = [](std::uint64_t seconds, std::uint32_t nanoseconds) {
        return StatxTime{std::int64_t(seconds), nanoseconds, 0};
    };
    StatxOut out{};
    out.attr_valid = known.attr_valid;
    out.attr_valid_nsec = known.attr_valid_nsec;
    Statx& stat = out.stat;
    stat.mask = STATX_BASIC_STATS | STATX_BTIME;
    stat.blksize = attr.blksize;
    stat.nlink = attr.nlink;
    stat.uid = attr.uid;
    stat.gid = attr.gid;
    stat.mode = std::uint16_t(attr.mode);
    stat.ino = attr.ino;
    stat.size = attr.size;
    stat.blocks = attr.blocks;
    stat.atime = time(attr.atime, attr.atimensec);
    stat.btime = time(seconds(node.attr.btime), rest(node.attr.btime));
    stat.ctime = time(attr.ctime, attr.ctimensec);
    stat.mtime = time(attr.mtime, attr.mtimensec);
    // The kernel's own packing of device numbers into 32 bits (new_encode_dev).
    stat.rdev_major = (attr.rdev & 0xfff00) >> 8;
    stat.rdev_minor = (attr.rdev & 0xff) | ((attr.rdev >> 12) & 0xfff00);
    return out;
}

bool DirectoryReply::add(const vfs::Listed& entry, const View& view) {
    const std::size_t head = plus_ ? sizeof(fuse_entry_out) : 0;
    const std::size_t size = FUSE_DIRENT_ALIGN(head + FUSE_NAME_OFFSET + entry.name.size());
    if (bytes_.size() + size > limit_) return false;

    if (entry.cookie != last_cookie_ || bytes_.empty()) {
        last_cookie_ = entry.cookie;
        last_group_ = bytes_.size();
    }
    const std::size_t at = bytes_.size();
    bytes_.resize(at + size);
    if (plus_) {
        // The kernel takes no reference for "." and "..": their nodeid is 0.
        const bool dots = entry.name == "." || entry.name == "..";
        const auto out = dots ? fuse_entry_out{} : kernel_entry(entry.node, view);
        std::memcpy(bytes_.data() + at, &out, sizeof out);
    }
    const fuse_dirent dirent{.ino = entry.node.attr.ino,
                             .off = entry.cookie,
                             .namelen = std::uint32_t(entry.name.size()),
                             .type = (entry.node.attr.mode & S_IFMT) >> 12};
    std::memcpy(bytes_.data() + at + head, &dirent, FUSE_NAME_OFFSET);
    std::memcpy(bytes_.data() + at + head + FUSE_NAME_OFFSET, entry.name.data(), entry.name.size());
    return true;
}

void DirectoryReply::drop_tail(std::uint64_t cookie) {
    if (cookie == last_cookie_ && last_group_ > 0) bytes_.resize(last_group_);
}

}  // namespace flexfs::fuse
