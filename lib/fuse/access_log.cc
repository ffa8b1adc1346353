#include "lib/fuse/access_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "lib/base/format.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/loop/pool.h"

namespace flexfs::fuse {
namespace {

// Lines are written together, so that a request costs no write.
constexpr Duration write_pause = std::chrono::milliseconds(100);
constexpr Duration flush_step = std::chrono::milliseconds(5);
constexpr Duration complaint_pause = std::chrono::seconds(10);

// Everything that could be taken for the end of a field or of a line.
std::string escaped(std::string_view text) {
    static const std::string special = [] {
        std::string all = " \x7f";
        for (char c = 1; c < ' '; ++c) all += c;
        return all;
    }();
    return escape_octal(text, special);
}

// Adds ` name=…` for the zero-terminated string at `offset`. Returns where the next one begins.
std::size_t add_name(std::string& to, std::string_view key, const Request& request,
                     std::size_t offset) {
    const auto name = request.name(offset);
    if (!name) return offset;
    to += fmt::format(" {}={}", key, escaped(*name));
    return offset + name->size() + 1;
}

void add_range(std::string& to, std::uint64_t handle, std::uint64_t offset, std::uint64_t size) {
    to += fmt::format(" fh={} offset={} size={}", handle, offset, size);
}

void add_rename(std::string& to, const Request& request, std::uint64_t new_parent,
                std::size_t names_at) {
    const std::size_t next = add_name(to, "name", request, names_at);
    to += fmt::format(" newParent={}", new_parent);
    add_name(to, "newName", request, next);
}

void add_setattr(std::string& to, const fuse_setattr_in& in) {
    if (in.valid & FATTR_MODE) to += fmt::format(" mode={:o}", in.mode);
    if (in.valid & FATTR_UID) to += fmt::format(" setUid={}", in.uid);
    if (in.valid & FATTR_GID) to += fmt::format(" setGid={}", in.gid);
    if (in.valid & FATTR_SIZE) to += fmt::format(" size={}", in.size);
    if (in.valid & (FATTR_ATIME | FATTR_ATIME_NOW)) to += " atime";
    if (in.valid & (FATTR_MTIME | FATTR_MTIME_NOW)) to += " mtime";
}

template <class T>
std::size_t add_mode(std::string& to, const Request& request) {
    to += fmt::format(" mode={:o}", request.head<T>().mode);
    return sizeof(T);
}

void add_names(std::string& to, const Request& request) {
    switch (request.opcode()) {
        case FUSE_LOOKUP:
        case FUSE_UNLINK:
        case FUSE_RMDIR:
        case FUSE_REMOVEXATTR: add_name(to, "name", request, 0); break;
        case FUSE_SYMLINK: add_name(to, "target", request, add_name(to, "name", request, 0)); break;
        case FUSE_MKNOD: add_name(to, "name", request, add_mode<fuse_mknod_in>(to, request)); break;
        case FUSE_MKDIR: add_name(to, "name", request, add_mode<fuse_mkdir_in>(to, request)); break;
        case FUSE_CREATE:
            add_name(to, "name", request, add_mode<fuse_create_in>(to, request));
            break;
        case FUSE_LINK:
            to += fmt::format(" from={}", request.head<fuse_link_in>().oldnodeid);
            add_name(to, "name", request, sizeof(fuse_link_in));
            break;
        case FUSE_RENAME:
            add_rename(to, request, request.head<fuse_rename_in>().newdir, sizeof(fuse_rename_in));
            break;
        case FUSE_RENAME2:
            add_rename(to, request, request.head<fuse_rename2_in>().newdir,
                       sizeof(fuse_rename2_in));
            break;
        case FUSE_GETXATTR: add_name(to, "name", request, sizeof(fuse_getxattr_in)); break;
        case FUSE_SETXATTR: add_name(to, "name", request, sizeof(fuse_setxattr_in)); break;
        default: break;
    }
}

void add_data(std::string& to, const Request& request) {
    const auto list = request.head<fuse_read_in>();
    switch (request.opcode()) {
        case FUSE_SETATTR: add_setattr(to, request.head<fuse_setattr_in>()); break;
        case FUSE_OPEN:
            to += fmt::format(" flags={:#o}", request.head<fuse_open_in>().flags);
            break;
        case FUSE_READ:
        case FUSE_READDIR:
        case FUSE_READDIRPLUS: add_range(to, list.fh, list.offset, list.size); break;
        case FUSE_WRITE: {
            const auto in = request.head<fuse_write_in>();
            add_range(to, in.fh, in.offset, in.size);
            break;
        }
        case FUSE_FALLOCATE: {
            const auto in = request.head<fuse_fallocate_in>();
            add_range(to, in.fh, in.offset, in.length);
            to += fmt::format(" mode={:#x}", in.mode);
            break;
        }
        case FUSE_LSEEK: {
            const auto in = request.head<fuse_lseek_in>();
            to += fmt::format(" fh={} offset={} whence={}", in.fh, in.offset, in.whence);
            break;
        }
        case FUSE_COPY_FILE_RANGE: {
            const auto in = request.head<fuse_copy_file_range_in>();
            add_range(to, in.fh_in, in.off_in, in.len);
            to += fmt::format(" to={} toFh={} toOffset={}", in.nodeid_out, in.fh_out, in.off_out);
            break;
        }
        // The structs of these begin with the handle.
        case FUSE_FLUSH:
        case FUSE_FSYNC:
        case FUSE_RELEASE:
        case FUSE_RELEASEDIR: to += fmt::format(" fh={}", request.head<std::uint64_t>()); break;
        default: break;
    }
}

template <class T>
T head_of(const Answer& answer) {
    T value{};
    std::memcpy(&value, answer.head().data(), std::min(sizeof value, answer.head().size()));
    return value;
}

}  // namespace

std::string describe(const Request& request) {
    std::string text = fmt::format("ino={}", request.ino());
    add_names(text, request);
    add_data(text, request);
    return text;
}

std::string describe(std::uint32_t opcode, const Result<Answer>& outcome) {
    if (!outcome) {
        const char* name = ::strerrorname_np(outcome.error().code);
        return name ? name : std::to_string(outcome.error().code);
    }
    switch (opcode) {
        case FUSE_READ:
        case FUSE_READDIR:
        case FUSE_READDIRPLUS:
        case FUSE_READLINK:
        case FUSE_LISTXATTR:
        case FUSE_GETXATTR: return std::to_string(outcome->size());
        case FUSE_WRITE:
        case FUSE_COPY_FILE_RANGE: return std::to_string(head_of<fuse_write_out>(*outcome).size);
        // The kernel is told that there is no such name by an inode 0.
        case FUSE_LOOKUP: return head_of<fuse_entry_out>(*outcome).nodeid == 0 ? "ENOENT" : "OK";
        default: return "OK";
    }
}

Result<void> AccessLog::open() {
    if (auto opened = write_out({}, true); !opened) return fail(std::move(opened.error()));
    scope_.start(write_lines());
    return {};
}

void AccessLog::reopen() {
    reopens_ = true;
    came_.wake_all();
}

void AccessLog::add(const Line& line, Time now) {
    const std::uint64_t microseconds = std::uint64_t(now / 1000) % 1'000'000;
    const std::string second = format_time(now);
    const std::string text =
        fmt::format("{}.{:06}Z {} {} uid={} pid={} = {} {}us\n",
                    std::string_view(second).substr(0, second.size() - 1), microseconds,
                    line.operation, line.arguments, line.uid, line.pid, line.outcome,
                    std::chrono::duration_cast<std::chrono::microseconds>(line.took).count());
    if (closing_ || lines_.size() + text.size() > bytes_max_) {
        ++dropped_;
        return;
    }
    lines_ += text;
    came_.wake_all();
}

Task<void> AccessLog::write_lines() {
    while (!closing_ || !lines_.empty()) {
        while (lines_.empty() && !reopens_ && !closing_) co_await came_.wait();
        if (!closing_) co_await loop_.sleep(write_pause);
        std::string lines = std::exchange(lines_, {});
        const bool reopen = std::exchange(reopens_, false);
        writing_ = true;
        const auto done = co_await result(
            offload(loop_, [this, &lines, reopen] { return write_out(lines, reopen); }));
        writing_ = false;
        if (!done) dropped_ += std::uint64_t(std::ranges::count(lines, '\n'));
        if (dropped_ == dropped_logged_ || loop_.now() < next_complaint_) continue;
        log::warn("the access log {} misses {} lines: {}", path_, dropped_ - dropped_logged_,
                  done ? "the disk is too slow for it" : done.error().message());
        dropped_logged_ = dropped_;
        next_complaint_ = loop_.now() + complaint_pause;
    }
}

Result<int> AccessLog::write_out(std::string_view lines, bool reopen) {
    if (reopen || !file_.valid()) {
        file_ = Descriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
        if (!file_.valid()) return fail_errno("cannot open the access log " + path_);
    }
    while (!lines.empty()) {
        const ssize_t written = ::write(file_.get(), lines.data(), lines.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail_errno("cannot write the access log " + path_);
        lines.remove_prefix(std::size_t(written));
    }
    return 0;
}

Task<void> AccessLog::flush(Duration patience) {
    const Duration until = loop_.now() + patience;
    while ((!lines_.empty() || writing_) && loop_.now() < until) co_await loop_.sleep(flush_step);
}

Task<void> AccessLog::close() {
    closing_ = true;
    came_.wake_all();
    co_await result(scope_.join());
    file_.close();
}

}  // namespace flexfs::fuse
