// Open files and directories.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "lib/vfs/mount.h"

namespace flexfs::vfs {
namespace {

// The kernel's own flag beside those of open(2) when it opens a program to run it.
constexpr int exec_flag = 0x20;

constexpr Time day = 24ll * 3600 * 1'000'000'000;

// What the flags of a file forbid to whoever opens it.
Result<void> check_flags(const Attr& attr, int flags) {
    const bool changes = may_write(flags) || (flags & O_TRUNC);
    if (changes && (attr.flags & wire::flag_immutable)) return fail(EPERM);
    if (!changes || !(attr.flags & wire::flag_append)) return {};
    return (flags & O_APPEND) && !(flags & O_TRUNC) ? Result<void>() : fail(EPERM);
}

}  // namespace

Result<std::shared_ptr<Mount::Handle>> Mount::handle(HandleId id) const {
    const auto found = handles_.find(id);
    if (found == handles_.end()) return fail(EBADF);
    return found->second;
}

// A node whose attributes are known, or were a moment ago where nothing may be kept.
Task<NodeRef> Mount::fresh(Ino ino) {
    if (Node* node = nodes_.find(ino); node && node->knows_attr()) co_return nodes_.pin(*node);
    co_return nodes_.pin(nodes_.learn(co_await session_->call(wire::GetAttr{ino})));
}

Opened Mount::opened(NodeRef node, int flags) {
    Opened opened;
    opened.node = known(*node);
    opened.keep_cache = opened.node.cacheable;
    opened.handle = ++last_handle_;
    add_handle(opened.handle, std::move(node), flags);
    return opened;
}

Mount::Handle& Mount::add_handle(HandleId id, NodeRef node, int flags) {
    auto handle = std::make_shared<Handle>();
    handle->flags = flags;
    handle->failures_told = node->file->errors().count();
    ++node->handles;
    if (may_map(flags)) ++node->mappers;
    handle->node = std::move(node);
    return *handles_.emplace(id, std::move(handle)).first->second;
}

// Whether the kernel is to be told: the answers to a write, an open, fallocate and a copy have no
// mode, and it would go on running the file with the rights that it had. Once is enough until the
// file gets them again.
bool Mount::takes_privileges(const Node& node, Kill kill) const {
    return kill.privileges && caches_ && (node.attr.mode & (S_ISUID | S_ISGID)) &&
           node.file->unsent().loss() < Loss::privileges;
}

// O_TRUNC.
Task<void> Mount::truncate(NodeRef node, Kill kill) {
    const Ino ino = node->attr.ino;
    const bool tell = takes_privileges(*node, kill);
    std::uint32_t mask = wire::set_size | wire::set_open;
    if (kill.privileges) mask |= wire::set_kill_privileges;
    if (kill.setgid_too) mask |= wire::set_kill_setgid;
    co_await setattr(ino, mask, Attr{}, Who{});
    if (tell) caches_->drop_attributes_now(ino);
}

Task<Opened> Mount::create(Ino parent, std::string name, std::uint32_t mode, int flags, Who who,
                           std::uint32_t umask, Kill kill) {
    co_await writable();
    const bool squashed = options_.squash.applies_to(who);
    wire::Make request;
    request.parent = parent;
    request.name = name;
    request.mode = S_IFREG | (mode & 07777);
    request.existing_ok = !(flags & O_EXCL) && !squashed;
    request.now = wall_now();
    request.who = who;
    request.umask = umask;
    const std::uint64_t changes = nodes_.changes_of(parent);
    const auto made = co_await result(make_entry(std::move(request)));
    learn_name(parent, name, made, changes);
    if (!made) {
        if (!squashed || (flags & O_EXCL) || made.error().code != EEXIST)
            co_return fail(made.error());
        const Known there = co_await lookup(parent, name, who);
        co_return co_await open(there.attr.ino, flags, who, kill);
    }
    NodeRef node = nodes_.pin(nodes_.learn(*made));
    if (!node->file) co_return fail(S_ISDIR(node->attr.mode) ? EISDIR : ELOOP);
    co_await check_flags(node->attr, flags);
    if (name.empty()) orphans_.add(made->attr.ino);
    const Attr now = node->stat();
    if ((flags & O_TRUNC) && (now.size > 0 || now.used > 0)) co_await truncate(node, kill);
    co_return opened(std::move(node), flags);
}

Task<Opened> Mount::open(Ino ino, int flags, Who who, Kill kill) {
    const std::uint32_t reads = flags & exec_flag ? wire::access_execute : wire::access_read;
    std::uint32_t mask = may_read(flags) ? reads : 0;
    if (may_write(flags) || (flags & O_TRUNC)) mask |= wire::access_write;
    co_await check_access(ino, mask, who);
    if (may_write(flags) || (flags & O_TRUNC)) co_await writable();
    NodeRef node = co_await fresh(ino);
    if (!node->file) co_return fail(S_ISDIR(node->attr.mode) ? EISDIR : EINVAL);
    co_await check_flags(node->attr, flags);
    // Of an empty file, too: its times move.
    if (flags & O_TRUNC) co_await truncate(node, kill);
    Opened made = opened(node, flags);
    // Reads of what the kernel has do not come here. Who opens a file to write it, too, is not
    // taken for a reader.
    if (made.keep_cache && (flags & O_ACCMODE) == O_RDONLY && !(flags & O_NOATIME) &&
        node->file->size() > 0)
        made.accessed = note_access(*node);
    co_return made;
}

// The size is right, and what is known of the data, for who reads it now.
Task<void> Mount::current(NodeRef node) {
    if (node->grant == Grant::none) {
        // Nothing may be kept: each read asks.
        node->file->stored().forget();
        // Where the data is damaged, it stays unknown, and who reads it learns that.
        (void)nodes_.learn_opened(
            co_await session_->call(wire::Open{node->attr.ino, Grant::shared}));
    } else if (!node->knows_attr() && !node->file->has_unsent()) {
        nodes_.learn(co_await session_->call(wire::GetAttr{node->attr.ino}));
    }
}

Task<std::vector<Buffer>> Mount::read(HandleId id, std::uint64_t offset, std::size_t size) {
    const std::shared_ptr<Handle> handle = co_await this->handle(id);
    if (!may_read(handle->flags)) co_return fail(EBADF);
    const NodeRef node = handle->node;
    const File& file = *node->file;
    co_await current(node);
    if (!(handle->flags & O_NOATIME)) note_access(*node);
    const std::uint64_t end = std::min(file.size(), offset + std::min(size, SIZE_MAX - offset));
    if (offset >= end) co_return std::vector<Buffer>();
    co_return co_await reader_.read(node, {offset, end}, handle->ahead);
}

// True: the access time moved.
bool Mount::note_access(Node& node) {
    const Attr& attr = node.attr;
    if (options_.access_times == AccessTimes::never || session_->read_only()) return false;
    if (attr.flags & wire::flag_noatime) return false;
    if (S_ISDIR(attr.mode) && !options_.folder_access_times) return false;
    const Time now = wall_now();
    if (options_.access_times == AccessTimes::relative) {
        const Attr told = node.stat();
        if (told.atime > std::max(told.mtime, told.ctime) && now - told.atime < day) return false;
    }
    flusher_.accesses().add(node, now);
    return true;
}

Task<std::size_t> Mount::write(HandleId id, std::uint64_t offset, Buffer data, bool at_offset,
                               Kill kill) {
    const std::shared_ptr<Handle> handle = co_await this->handle(id);
    if (!may_write(handle->flags) && !at_offset) co_return fail(EBADF);
    // Who opened an append-only file before it was one goes on as before.
    if (!at_offset && (handle->node->attr.flags & wire::flag_immutable)) co_return fail(EPERM);
    Writer::Request request;
    request.offset = offset;
    request.append = (handle->flags & O_APPEND) && !at_offset;
    request.whole = at_offset;
    // Only calls take capabilities away, not mappings.
    if (at_offset) request.loss = Loss::none;
    request.loss = std::max(request.loss, loss_by(kill));
    request.data = std::move(data);
    const bool tell = takes_privileges(*handle->node, kill);
    const bool append = request.append;
    const std::size_t written = co_await writer_.write(handle->node, std::move(request));
    // The kernel put the bytes into its pages where it took the end of the file to be.
    const Node& node = *handle->node;
    const bool elsewhere =
        append && (node.grant != Grant::exclusive || offset + written != node.file->size());
    if (elsewhere && caches_) {
        caches_->drop_attributes(node.attr.ino);
        caches_->drop_data(node.attr.ino);
    }
    if (tell) caches_->drop_attributes_now(node.attr.ino);
    co_return written;
}

Task<void> Mount::tell_failure(Handle& handle) {
    const WriteErrors& errors = handle.node->file->errors();
    if (errors.count() == handle.failures_told) co_return;
    handle.failures_told = errors.count();
    co_await fail(errors.code());
}

Task<void> Mount::flush(HandleId id) {
    const std::shared_ptr<Handle> handle = co_await this->handle(id);
    co_await tell_failure(*handle);
    if (options_.flush_on_close && may_write(handle->flags)) co_await fsync(id);
}

Task<void> Mount::fsync(HandleId id) {
    const std::shared_ptr<Handle> handle = co_await this->handle(id);
    const auto flushed = co_await result(flusher_.flush(handle->node, true));
    // It tells what is wrong now. What went wrong earlier is made good if all is durable.
    handle->failures_told = handle->node->file->errors().count();
    co_await flushed;
}

void Mount::release(HandleId id) {
    const auto found = handles_.find(id);
    if (found == handles_.end()) return;
    const NodeRef node = found->second->node;
    if (may_map(found->second->flags)) --node->mappers;
    handles_.erase(found);
    --node->handles;
}

Task<OpenedDirectory> Mount::opendir(Ino ino, Who who) {
    co_await check_access(ino, wire::access_read, who);
    directories_.emplace(++last_handle_, std::make_shared<Directory>(*session_, nodes_, ino));
    Node* node = nodes_.find(ino);
    co_return OpenedDirectory{last_handle_, node && std::exchange(node->listed, true)};
}

Task<std::vector<Listed>> Mount::readdir(HandleId id, std::uint64_t cookie, bool plus) {
    const auto found = directories_.find(id);
    if (found == directories_.end()) co_return fail(EBADF);
    const std::shared_ptr<Directory> directory = found->second;
    if (Node* node = nodes_.find(directory->ino())) note_access(*node);
    co_return co_await directory->read(cookie, plus);
}

void Mount::releasedir(HandleId id) {
    directories_.erase(id);
}

Task<void> Mount::fsyncdir(Ino) {
    co_await flusher_.sync(nodes_.last_stamp());
}

}  // namespace flexfs::vfs
