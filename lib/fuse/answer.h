// The body of a reply: fixed structs first, then data.
#pragma once

#include <array>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/check.h"
#include "lib/fuse/protocol.h"
#include "lib/vfs/vfs.h"

namespace flexfs::fuse {

class Answer {
public:
    Answer() = default;
    // Joins data of more pieces than one writev takes, such as a file written byte by byte.
    explicit Answer(std::vector<Buffer> data);
    explicit Answer(Buffer data) { data_.push_back(std::move(data)); }

    template <class T>
    Answer& add(const T& value) {
        static_assert(std::is_trivially_copyable_v<T>);
        check(used_ + sizeof value <= head_.size());
        std::memcpy(head_.data() + used_, &value, sizeof value);
        used_ += sizeof value;
        return *this;
    }

    ByteView head() const { return {head_.data(), used_}; }
    const std::vector<Buffer>& data() const { return data_; }
    std::size_t size() const;

private:
    std::array<std::byte, sizeof(StatxOut)> head_;  // fits the longest structs of any reply
    std::size_t used_ = 0;
    std::vector<Buffer> data_;
};

// The view of the volume through this mount: how long the kernel may cache attributes and names,
// and permission bits that are masked out.
struct View {
    Duration attr_valid{};
    Duration entry_valid{};
    std::uint32_t umask = 0;
};

fuse_attr kernel_attr(const wire::Attr& attr, std::uint32_t umask = 0);
fuse_entry_out kernel_entry(const vfs::Known& node, const View& view);
fuse_attr_out kernel_attr_out(const vfs::Known& node, const View& view);
fuse_kstatfs kernel_statfs(const vfs::Filesystem::Space& space);
// As kernel_attr_out(), with the birth time.
StatxOut kernel_statx(const vfs::Known& node, const View& view);

// A readdir reply under construction: entries in the kernel's format, within `limit` bytes.
class DirectoryReply {
public:
    DirectoryReply(std::size_t limit, bool plus) : limit_(limit), plus_(plus) {}

    // Returns false if there is no room left; then nothing was added.
    bool add(const vfs::Listed& entry, const View& view);
    // Removes the entries with `cookie` at the end, unless there are no others: a cookie that
    // several names share must not be split between two replies.
    void drop_tail(std::uint64_t cookie);
    Answer finish() && { return Answer(Buffer::take(std::move(bytes_))); }

private:
    std::size_t limit_;
    bool plus_;
    std::vector<std::byte> bytes_;
    std::uint64_t last_cookie_ = 0;
    std::size_t last_group_ = 0;  // where the entries with last_cookie_ begin
};

}  // namespace flexfs::fuse
