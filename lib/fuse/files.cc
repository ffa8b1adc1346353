// Requests about open files.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "lib/fuse/caller.h"
#include "lib/fuse/operations.h"

namespace flexfs::fuse {
namespace {

fuse_open_out open_out(const vfs::Opened& opened, std::uint32_t flags) {
    fuse_open_out out{};
    out.fh = opened.handle;
    if (opened.keep_cache) out.open_flags |= FOPEN_KEEP_CACHE;
    // A file that was not written has no error to report when it is closed.
    if ((flags & O_ACCMODE) == O_RDONLY) out.open_flags |= FOPEN_NOFLUSH;
    return out;
}

void note_opened(Server& server, wire::Ino ino, vfs::HandleId handle, std::uint32_t flags) {
    const bool writes = (flags & O_ACCMODE) != O_RDONLY;
    if (writes && (flags & O_DIRECT)) server.direct_writes().opened(ino, handle);
    server.mapped_files().opened(ino, handle, flags);
}

// With an empty name, the file has none.
Task<Answer> make(Server& server, Request request, std::string name) {
    const auto in = request.head<fuse_create_in>();
    const std::uint32_t mode = S_IFREG | (in.mode & 07777);
    auto opened = co_await server.client().create(request.ino(), std::move(name), mode,
                                                  int(in.flags), request.who(), in.umask,
                                                  in.open_flags & FUSE_OPEN_KILL_SUIDGID);
    note_opened(server, opened.node.attr.ino, opened.handle, in.flags);
    co_return Answer()
        .add(kernel_entry(opened.node, server.view()))
        .add(open_out(opened, in.flags));
}

}  // namespace

Task<Answer> create(Server& server, Request request) {
    std::string name = co_await request.name(sizeof(fuse_create_in));
    co_return co_await make(server, std::move(request), std::move(name));
}

// The name in the request has no meaning.
Task<Answer> tmpfile(Server& server, Request request) {
    return make(server, std::move(request), {});
}

Task<Answer> open(Server& server, Request request) {
    const auto in = request.head<fuse_open_in>();
    vfs::Kill kill;
    if (in.open_flags & FUSE_OPEN_KILL_SUIDGID) kill = co_await kills_by_word(server, request);
    auto opened = co_await server.client().open(request.ino(), int(in.flags), request.who(), kill);
    if (opened.accessed) server.notifier().drop_attributes_now(request.ino());
    note_opened(server, request.ino(), opened.handle, in.flags);
    co_return Answer().add(open_out(opened, in.flags));
}

Task<Answer> read(Server& server, Request request) {
    const auto in = request.head<fuse_read_in>();
    // Only a read that bypasses the kernel's pages has a lock owner (fs/fuse/file.c,
    // fuse_send_read); a page fault comes with O_DIRECT if the file was opened with it.
    if (!(in.read_flags & FUSE_READ_LOCKOWNER)) server.direct_writes().paged(request.ino());
    const std::size_t size = std::min<std::size_t>(in.size, data_bytes_max);
    co_return Answer(co_await server.client().read(in.fh, in.offset, size));
}

Task<Answer> write(Server& server, Request request) {
    const auto in = request.head<fuse_write_in>();
    Buffer data = co_await request.data(sizeof in, in.size);
    const bool from_cache = in.write_flags & FUSE_WRITE_CACHE;
    // For the kernel a squashed root is a caller whose writes keep the bits. Pages that it writes
    // back were written through a mapping, which keeps them, and have no caller.
    vfs::Kill kill;
    if (!from_cache &&
        ((in.write_flags & FUSE_WRITE_KILL_SUIDGID) || server.squash().applies_to(request.who())))
        kill = co_await kills_by_word(server, request);
    fuse_write_out out{};
    out.size = std::uint32_t(
        co_await server.client().write(in.fh, in.offset, std::move(data), from_cache, kill));
    // Only a write that bypasses the kernel's pages has a lock owner (fs/fuse/file.c,
    // fuse_send_write). O_DIRECT does not show it: if it was set meanwhile, a write through the
    // pages has it too, and dropping those pages, which the kernel has locked, would deadlock.
    const bool direct = in.write_flags & FUSE_WRITE_LOCKOWNER;
    // The data is written, even if a signal arrives now.
    if (direct && server.direct_writes().may_leave_pages(request.ino()))
        co_await result(server.drop_pages(request, in.offset, out.size));
    co_return Answer().add(out);
}

Task<Answer> flush(Server& server, Request request) {
    co_await server.client().flush(request.head<fuse_flush_in>().fh);
    co_return Answer();
}

Task<Answer> fsync(Server& server, Request request) {
    co_await server.client().fsync(request.head<fuse_fsync_in>().fh);
    co_return Answer();
}

Task<Answer> release(Server& server, Request request) {
    const auto in = request.head<fuse_release_in>();
    server.direct_writes().closed(request.ino(), in.fh);
    server.mapped_files().closed(request.ino(), in.fh);
    server.client().release(in.fh);
    co_return Answer();
}

// Linux passes KEEP_SIZE, PUNCH_HOLE and ZERO_RANGE to a FUSE filesystem (fs/fuse/file.c,
// fuse_file_fallocate) and answers COLLAPSE_RANGE, INSERT_RANGE and the others with EOPNOTSUPP
// itself. It drops its pages of a range that was punched or zeroed.
Task<Answer> allocate(Server& server, Request request) {
    const auto in = request.head<fuse_fallocate_in>();
    const vfs::Kill kill = co_await kills(server, request, request.ino());
    co_await server.client().allocate(in.fh, in.mode, in.offset, in.length, kill);
    co_return Answer();
}

namespace {

// The kernel writes back pages that were written through a mapping in its own time, and not before
// it seeks (fs/fuse/file.c, fuse_file_llseek). If it is told to drop its pages it writes them back
// first, which does not need the file's lock that the seek holds.
Task<void> store_mapped(Server& server, Request request, std::uint64_t offset, bool data) {
    const std::uint64_t handle = request.head<fuse_lseek_in>().fh;
    const vfs::UncertainHole hole = co_await server.client().uncertain_hole(handle, offset, data);
    if (hole.empty()) co_return;
    co_await server.drop_pages(request, hole.first, hole.last - hole.first);
    if (data) co_return;
    // All of it was data, so the next hole may be none, either. Checking one after the other could
    // take long.
    const vfs::UncertainHole next =
        co_await server.client().uncertain_hole(handle, hole.first, false);
    if (next.first >= hole.last) co_await server.drop_pages(request, next.first, 0);
}

}  // namespace

// The kernel sends only SEEK_DATA and SEEK_HOLE.
Task<Answer> seek(Server& server, Request request) {
    const auto in = request.head<fuse_lseek_in>();
    if (in.whence != SEEK_DATA && in.whence != SEEK_HOLE) co_return fail(EINVAL);
    const bool data = in.whence == SEEK_DATA;
    co_await store_mapped(server, request, in.offset, data);
    fuse_lseek_out out{};
    out.offset = co_await server.client().seek(in.fh, in.offset, data);
    co_return Answer().add(out);
}

// The reply has 32 bits for the length, and the kernel asks for no more at a time. It drops its
// pages of the target.
Task<Answer> copy_range(Server& server, Request request) {
    const auto in = request.head<fuse_copy_file_range_in>();
    if (in.flags != 0) co_return fail(EINVAL);
    const vfs::Kill kill = co_await kills(server, request, in.nodeid_out);
    fuse_write_out out{};
    out.size = std::uint32_t(
        co_await server.client().copy(in.fh_in, in.off_in, in.fh_out, in.off_out,
                                      std::min<std::uint64_t>(in.len, UINT32_MAX), kill));
    co_return Answer().add(out);
}

}  // namespace flexfs::fuse
