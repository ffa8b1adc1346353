#include "lib/vfs/name_operations.h"

#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>

#include "lib/vfs/carry_out.h"
#include "lib/vfs/data_change.h"

namespace flexfs::vfs {
namespace {

std::span<const Attr> folders_changed(const auto& answer) {
    return answer ? std::span<const Attr>(answer->also) : std::span<const Attr>();
}

}  // namespace

NameOperations::NameOperations(Parts parts)
    : session_(parts.session),
      nodes_(parts.nodes),
      names_(parts.names),
      flusher_(parts.flusher),
      orphans_(parts.orphans),
      access_(parts.access) {}

Task<Known> NameOperations::lookup(Ino parent, std::string name, Who who) {
    co_await access_.require(parent, wire::access_execute, who);
    const bool is_dot = name == "." || name == "..";
    if (const Ino ino = names_.find(parent, name)) {
        if (Node* node = nodes_.find(ino); node && node->knows_attr())
            co_return access_.tell(*node);
    } else if (names_.knows_all(parent) && !is_dot) {
        co_return fail(name.size() > wire::name_bytes_max ? ENAMETOOLONG : ENOENT);
    }
    const wire::Entry entry = co_await session_.call(wire::Lookup{parent, name});
    Node& node = nodes_.learn(entry);
    // A lookup by a file handle, from a kernel that does not know the inode: the file is deleted,
    // though not freed yet.
    if (name == "." && entry.attr.nlink == 0 && !node.is_open()) co_return fail(ESTALE);
    if (entry.grant != Grant::none && !is_dot) names_.put(parent, name, entry.attr.ino);
    co_return access_.tell(node);
}

Task<Known> NameOperations::getattr(Ino ino) {
    if (Node* node = nodes_.find(ino); node && node->knows_attr()) co_return access_.tell(*node);
    co_return access_.tell(nodes_.learn(co_await session_.call(wire::GetAttr{ino})));
}

Task<Known> NameOperations::setattr(Ino ino, std::uint32_t mask, Attr attr, Who who) {
    co_await access_.require_writable();
    const std::uint32_t given = mask & wire::set_mode ? attr.mode : 0;
    if (given & (S_ISUID | S_ISGID)) co_await access_.settle_writes(ino);
    if (!(mask & wire::set_size)) co_return co_await change(ino, mask, attr, who);

    const NodeRef node = co_await access_.node(ino);
    if (!node->file()) co_return fail(S_ISDIR(node->attr().mode) ? EISDIR : EINVAL);
    if (attr.size > wire::file_bytes_max) co_return fail(EFBIG);
    co_return co_await carry_out(scope_, cut(node, mask, attr, who));
}

Task<Known> NameOperations::cut(NodeRef node, std::uint32_t mask, Attr attr, Who who) {
    // A commit in flight must not extend the file again after the truncation.
    co_await flusher_.settle(node);
    DataChange data(flusher_, node);
    data.cut(attr.size);
    auto changed = co_await result(change(node->ino(), mask, attr, who));
    data.settle(wire::fate_of(changed));
    // An answer to an earlier request may have brought extents behind the new end.
    Stored& stored = node->file()->stored();
    if (!stored.extents().knows_all() || !stored.extents().empty())
        stored.forget_blocks({attr.size / node->file()->block_bytes, UINT64_MAX});
    co_return std::move(changed);
}

Task<Known> NameOperations::change(Ino ino, std::uint32_t mask, const Attr& attr, Who who) {
    wire::SetAttr request;
    request.ino = ino;
    request.mask = mask;
    request.attr = attr;
    request.now = wall_now();
    request.who = who;
    NodeRef node;
    if (Node* known = nodes_.find(ino)) node = nodes_.pin(*known);
    File* const file = node ? node->file() : nullptr;
    // The commit that was to clear these bits may be dropped together with the bytes that are cut
    // off.
    if (file && (mask & wire::set_size)) {
        if (file->unsent().loss() >= Loss::privileges) request.mask |= wire::set_kill_privileges;
        if (file->unsent().loss() == Loss::setgid_too) request.mask |= wire::set_kill_setgid;
    }
    AttrChange change(node, mask & (wire::set_mtime | wire::set_size));
    const auto entry = co_await result(session_.call(std::move(request)));
    change.settle(wire::fate_of(entry));
    if (!entry) co_return fail(entry.error());
    if (file && (mask & wire::set_size)) file->unsent().clear_loss();
    if (mask & wire::set_atime) flusher_.accesses().forget(ino);
    if (file && (mask & wire::set_mode)) file->unsent().keep_mode();
    co_return access_.tell(nodes_.learn(*entry));
}

Task<std::string> NameOperations::readlink(Ino ino) {
    wire::Target target = co_await session_.call(wire::ReadLink{ino});
    if (Node* node = nodes_.find(ino)) access_.note_read(*node);
    co_return std::move(target.target);
}

// If the volume has no inode left, tries again after inodes that were just deleted are released.
Task<wire::Entry> NameOperations::make_entry(wire::Make request) {
    auto made = co_await result(session_.call(request));
    if (made || made.error().code != ENOSPC || session_.volume().max_inodes == 0) co_return made;
    co_await orphans_.release_now();
    co_return co_await session_.call(std::move(request));
}

Task<Known> NameOperations::make(wire::Make request) {
    co_await access_.require_writable();
    const std::uint32_t mode = request.mode;
    const wire::Entry made = co_await create(std::move(request));
    if (S_ISDIR(mode) && made.grant != Grant::none) names_.made_folder(made.attr.ino);
    co_return access_.tell(nodes_.learn(made));
}

Task<wire::Entry> NameOperations::create(wire::Make request) {
    const Ino parent = request.parent;
    const std::string name = request.name;
    request.now = wall_now();
    const std::uint64_t changes = nodes_.changes_of(parent);
    auto made = co_await result(make_entry(std::move(request)));
    learn_name(parent, name, made, changes);
    co_return std::move(made);
}

// Learns from the answer to a call that adds a name to the folder. `changes` is Nodes::changes_of()
// of the folder before the call.
void NameOperations::learn_name(Ino parent, const std::string& name,
                                const Result<wire::Entry>& answer, std::uint64_t changes) {
    nodes_.names_changed(parent, folders_changed(answer), changes);
    if (name.empty()) return;
    if (answer && answer->grant != Grant::none) names_.put(parent, name, answer->attr.ino);
    else names_.forget(parent, name);
}

Task<Known> NameOperations::link(Ino ino, Ino parent, std::string name, Who who) {
    co_await access_.require_writable();
    const std::uint64_t changes = nodes_.changes_of(parent);
    const auto linked =
        co_await result(session_.call(wire::Link{ino, parent, name, wall_now(), who}));
    learn_name(parent, name, linked, changes);
    nodes_.forget_attr(ino);
    if (!linked) co_return fail(linked.error());
    Node& node = nodes_.learn(*linked);
    if (node.attr().nlink > 0) orphans_.remove(ino);  // a file without a name got one
    co_return access_.tell(node);
}

Task<void> NameOperations::unlink(Ino parent, std::string name, Who who) {
    co_await access_.require_writable();
    co_await carry_out(scope_,
                       remove_entry(wire::Unlink{parent, std::move(name), wall_now(), who}));
}

Task<void> NameOperations::rmdir(Ino parent, std::string name, Who who) {
    co_await access_.require_writable();
    co_await carry_out(scope_, remove_entry(wire::Rmdir{parent, std::move(name), wall_now(), who}));
}

// The inode that loses its last name must be learned even if the caller is stopped: it would never
// be released.
template <class Request>
Task<void> NameOperations::remove_entry(Request request) {
    const Ino parent = request.parent;
    const std::string name = request.name;
    const std::uint64_t changes = nodes_.changes_of(parent);
    const auto removed = co_await result(session_.call(std::move(request)));
    if (const Ino ino = names_.find(parent, name)) nodes_.forget_attr(ino);
    else if (wire::fate_of(removed) == wire::Fate::unknown) nodes_.forget_attrs();
    learn_removal(parent, name, removed, changes);
    if (removed) names_.forget_folder(removed->attr.ino);
    co_await removed;
}

void NameOperations::learn_removal(Ino parent, const std::string& name,
                                   const Result<wire::Removed>& answer, std::uint64_t changes) {
    nodes_.names_changed(parent, folders_changed(answer), changes);
    if (!answer) return names_.forget(parent, name);
    names_.erase(parent, name);
    learn_loss(*answer);
}

// When the last name goes, the inode stays as an orphan until its users on this client release it.
void NameOperations::learn_loss(const wire::Removed& done) {
    if (done.attr.ino == 0) return;
    learn_change(done.attr.ino, done.also.empty() ? nullptr : &done.attr);
    if (done.attr.nlink == 0) orphans_.add(done.attr.ino);
}

Task<void> NameOperations::rename(wire::Rename request) {
    co_await access_.require_writable();
    const Ino parent = request.parent, new_parent = request.new_parent;
    if (request.flags == 0 && names_.find(new_parent, request.new_name))
        co_await store_before_replacing(parent, request.name);
    request.now = wall_now();
    co_await carry_out(scope_, move_entry(std::move(request)));
}

// As remove_entry().
Task<void> NameOperations::move_entry(wire::Rename request) {
    const Ino parent = request.parent, new_parent = request.new_parent;
    const std::uint64_t changes = nodes_.changes_of(parent);
    const std::uint64_t new_changes = nodes_.changes_of(new_parent);
    const auto removed = co_await result(session_.call(request));
    nodes_.names_changed(parent, folders_changed(removed), changes);
    if (new_parent != parent)
        nodes_.names_changed(new_parent, folders_changed(removed), new_changes);
    // Nothing was moved, or the answer came late and another client may have moved it since.
    if (!removed || removed->also.empty()) {
        names_.forget(parent, request.name);
        names_.forget(new_parent, request.new_name);
    } else {
        learn_move(request, *removed);
    }
    if (!removed) {
        // The call may have been executed, on any inode that had the name.
        if (wire::fate_of(removed) == wire::Fate::unknown) nodes_.forget_attrs();
        co_await fail(removed.error());
    }
    learn_change(removed->moved, told_of(removed->also, removed->moved));
    if (request.flags == RENAME_EXCHANGE) nodes_.forget_attr(removed->attr.ino);
    else learn_loss(*removed);
}

// Stores the unsent bytes of a small file that is going to replace another one; this needs no
// object. After a crash, a program that replaces a file this way finds the old bytes or the new
// ones. If storing fails the file is renamed nevertheless, and fsync and close report the error.
Task<void> NameOperations::store_before_replacing(Ino parent, const std::string& name) {
    Node* node = nodes_.find(names_.find(parent, name));
    if (!node || !node->file() || !node->file()->has_unsent()) co_return;
    if (node->file()->is_small(session_.volume().inline_bytes))
        co_await result(flusher_.flush(nodes_.pin(*node), false, Duration::max()));
}

void NameOperations::learn_move(const wire::Rename& asked, const wire::Removed& done) {
    if (asked.flags & RENAME_WHITEOUT) names_.forget(asked.parent, asked.name);
    else if (asked.flags & RENAME_EXCHANGE) names_.put(asked.parent, asked.name, done.attr.ino);
    else names_.erase(asked.parent, asked.name);
    names_.put(asked.new_parent, asked.new_name, done.moved);
    if (!(asked.flags & RENAME_EXCHANGE)) names_.forget_folder(done.attr.ino);
}

// Learns from the answer to a call that changed the inode. `attr` are its attributes after the
// call; null if the answer has none, or came late.
void NameOperations::learn_change(Ino ino, const Attr* attr) {
    const Node* node = nodes_.find(ino);
    // The answer to a commit in flight is added to the attributes that are known by then.
    const bool settled = node && !(node->file() && node->file()->has_unsent());
    if (settled && attr) nodes_.learn_attr(*attr);
    else nodes_.forget_attr(ino);
}

}  // namespace flexfs::vfs
