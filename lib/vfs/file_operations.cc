#include "lib/vfs/file_operations.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace flexfs::vfs {
namespace {

// The kernel's own flag, besides those of open(2), for opening a program to run it.
constexpr int exec_flag = 0x20;

// Checks what the flags of a file forbid to a program that opens it.
Result<void> check_flags(const Attr& attr, int flags) {
    const bool changes = may_write(flags) || (flags & O_TRUNC);
    if (changes && (attr.flags & wire::flag_immutable)) return fail(EPERM);
    if (!changes || !(attr.flags & wire::flag_append)) return {};
    return (flags & O_APPEND) && !(flags & O_TRUNC) ? Result<void>() : fail(EPERM);
}

}  // namespace

Opened FileOperations::open_handle(NodeRef node, int flags) {
    Opened opened;
    opened.node = parts_.access.tell(*node);
    const bool kept = node->may_keep_pages(parts_.nodes.drops());
    opened.keep_cache = opened.node.cacheable && kept;
    opened.handle = parts_.handles.open(std::move(node), flags);
    return opened;
}

// Implements O_TRUNC.
Task<void> FileOperations::truncate(NodeRef node, Kill kill) {
    const Ino ino = node->ino();
    Access::PrivilegeReport report(parts_.access, *node, kill);
    std::uint32_t mask = wire::set_size | wire::set_open;
    if (kill.privileges) mask |= wire::set_kill_privileges;
    if (kill.setgid_too) mask |= wire::set_kill_setgid;
    co_await parts_.names.setattr(ino, mask, Attr{}, Who{});
    report.send();
}

Task<Opened> FileOperations::create(wire::Make request, int flags, Kill kill) {
    co_await parts_.access.require_writable();
    const Who who = request.who;
    const bool squashed = parts_.options.squash.applies_to(who);
    request.existing_ok = !(flags & O_EXCL) && !squashed;
    const auto made = co_await result(parts_.names.create(request));
    if (!made) {
        if (!squashed || (flags & O_EXCL) || made.error().code != EEXIST)
            co_return fail(made.error());
        const Known there = co_await parts_.names.lookup(request.parent, request.name, who);
        co_return co_await open(there.attr.ino, flags, who, kill);
    }
    NodeRef node = parts_.nodes.pin(parts_.nodes.learn(*made));
    if (!node->file()) co_return fail(S_ISDIR(node->attr().mode) ? EISDIR : ELOOP);
    co_await check_flags(node->attr(), flags);
    if (request.name.empty()) parts_.orphans.add(made->attr.ino);
    const Attr now = node->stat();
    if ((flags & O_TRUNC) && (now.size > 0 || now.used > 0)) co_await truncate(node, kill);
    co_return open_handle(std::move(node), flags);
}

Task<Opened> FileOperations::open(Ino ino, int flags, Who who, Kill kill) {
    const std::uint32_t reads = flags & exec_flag ? wire::access_execute : wire::access_read;
    std::uint32_t mask = may_read(flags) ? reads : 0;
    if (may_write(flags) || (flags & O_TRUNC)) mask |= wire::access_write;
    co_await parts_.access.require(ino, mask, who);
    if (may_write(flags) || (flags & O_TRUNC)) co_await parts_.access.require_writable();
    NodeRef node = co_await parts_.access.node(ino);
    if (!node->file()) co_return fail(S_ISDIR(node->attr().mode) ? EISDIR : EINVAL);
    co_await check_flags(node->attr(), flags);
    // An empty file is truncated too, because its times change.
    if (flags & O_TRUNC) co_await truncate(node, kill);
    Opened made = open_handle(node, flags);
    // Reads that the kernel serves from its cache do not arrive here, so opening the file counts as
    // reading it, unless it is opened for writing as well.
    if (made.keep_cache && (flags & O_ACCMODE) == O_RDONLY && !(flags & O_NOATIME) &&
        node->file()->size() > 0)
        made.accessed = parts_.access.note_read(*node);
    co_return made;
}

Task<std::vector<Buffer>> FileOperations::read(HandleId id, std::uint64_t offset,
                                               std::size_t size) {
    const std::shared_ptr<OpenFile> handle = co_await parts_.handles.file(id);
    if (!may_read(handle->flags())) co_return fail(EBADF);
    const NodeRef node = handle->node();
    const File& file = *node->file();
    co_await parts_.access.refresh(node);
    if (!(handle->flags() & O_NOATIME)) parts_.access.note_read(*node);
    const std::uint64_t end = std::min(file.size(), offset + std::min(size, SIZE_MAX - offset));
    if (offset >= end) co_return std::vector<Buffer>();
    co_return co_await parts_.reader.read(node, {offset, end}, handle->ahead());
}

Task<std::size_t> FileOperations::write(HandleId id, std::uint64_t offset, Buffer data,
                                        bool at_offset, Kill kill) {
    const std::shared_ptr<OpenFile> handle = co_await parts_.handles.file(id);
    if (!may_write(handle->flags()) && !at_offset) co_return fail(EBADF);
    const Node& node = *handle->node();
    // A handle that was opened before the file became append-only works as before.
    if (!at_offset && (node.attr().flags & wire::flag_immutable)) co_return fail(EPERM);
    Writer::Request request;
    request.offset = offset;
    request.append = (handle->flags() & O_APPEND) && !at_offset;
    request.whole = at_offset;
    // Only system calls take capabilities away; writes through a mapping do not.
    if (at_offset) request.loss = Loss::none;
    request.loss = std::max(request.loss, loss_by(kill));
    request.data = std::move(data);
    Access::PrivilegeReport report(parts_.access, node, kill);
    const bool append = request.append;
    const std::size_t written = co_await parts_.writer.write(handle->node(), std::move(request));
    // The kernel put the bytes into its pages at what it took for the end of the file.
    const bool elsewhere =
        append && (!node.is_exclusive() || offset + written != node.file()->size());
    if (elsewhere && parts_.caches) {
        parts_.caches->drop_attributes(node.ino());
        parts_.caches->drop_data(node.ino());
    }
    report.send();
    co_return written;
}

Task<void> FileOperations::flush(HandleId id) {
    const std::shared_ptr<OpenFile> file = co_await parts_.handles.file(id);
    co_await file->report_error();
    if (parts_.options.flush_on_close && may_write(file->flags())) co_await fsync(id);
}

Task<void> FileOperations::fsync(HandleId id) {
    const std::shared_ptr<OpenFile> file = co_await parts_.handles.file(id);
    const auto flushed = co_await result(parts_.flusher.flush(file->node(), true));
    // A stopped caller learns no more than that it was stopped.
    if (code_of(flushed) == ECANCELED) co_await flushed;
    const bool lost = file->has_unreported_loss();
    file->set_errors_reported();
    co_await flushed;
    if (lost) co_await fail(EIO, "written data is lost");
}

Task<OpenedDirectory> FileOperations::opendir(Ino ino, Who who) {
    co_await parts_.access.require(ino, wire::access_read, who);
    const HandleId handle =
        parts_.handles.open(std::make_shared<Directory>(parts_.session, parts_.nodes, ino));
    Node* node = parts_.nodes.find(ino);
    co_return OpenedDirectory{handle, node && node->note_listed()};
}

Task<std::vector<Listed>> FileOperations::readdir(HandleId id, std::uint64_t cookie, bool plus) {
    const std::shared_ptr<Directory> directory = co_await parts_.handles.directory(id);
    if (Node* node = parts_.nodes.find(directory->ino())) parts_.access.note_read(*node);
    co_return co_await directory->read(cookie, plus);
}

}  // namespace flexfs::vfs
