// Names and attributes.
#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>

#include "lib/vfs/carry_out.h"
#include "lib/vfs/data_change.h"
#include "lib/vfs/mount.h"

namespace flexfs::vfs {
namespace {

std::span<const Attr> also(const auto& answer) {
    return answer ? std::span<const Attr>(answer->also) : std::span<const Attr>();
}

}  // namespace

Result<void> Mount::writable() const {
    if (session_->read_only()) return fail(EROFS);
    return {};
}

Task<void> Mount::check_access(Ino ino, std::uint32_t mask, Who who) {
    if (options_.squash.applies_to(who)) co_await session_->call(wire::Access{ino, mask, who});
}

Known Mount::known(const Node& node) const {
    return {node.stat(), node.grant != Grant::none};
}

Task<Known> Mount::lookup(Ino parent, std::string name, Who who) {
    co_await check_access(parent, wire::access_execute, who);
    const bool is_dot = name == "." || name == "..";
    if (const Ino ino = names_.find(parent, name)) {
        if (Node* node = nodes_.find(ino); node && node->knows_attr()) co_return known(*node);
    } else if (names_.knows_all(parent) && !is_dot) {
        co_return fail(name.size() > wire::name_bytes_max ? ENAMETOOLONG : ENOENT);
    }
    const wire::Entry entry = co_await session_->call(wire::Lookup{parent, name});
    Node& node = nodes_.learn(entry);
    // By a handle, for a kernel that does not know it (any more): deleted, though not yet freed.
    if (name == "." && entry.attr.nlink == 0 && node.handles == 0) co_return fail(ESTALE);
    if (entry.grant != Grant::none && !is_dot) names_.put(parent, name, entry.attr.ino);
    co_return known(node);
}

Task<Known> Mount::getattr(Ino ino) {
    if (Node* node = nodes_.find(ino); node && node->knows_attr()) co_return known(*node);
    co_return known(nodes_.learn(co_await session_->call(wire::GetAttr{ino})));
}

Task<Known> Mount::setattr(Ino ino, std::uint32_t mask, Attr attr, Who who) {
    co_await writable();
    const std::uint32_t given = mask & wire::set_mode ? attr.mode : 0;
    if (given & (S_ISUID | S_ISGID)) co_await settle_writes(ino);
    if (!(mask & wire::set_size)) co_return co_await change(ino, mask, attr, who);

    const NodeRef node = co_await fresh(ino);
    if (!node->file) co_return fail(S_ISDIR(node->attr.mode) ? EISDIR : EINVAL);
    if (attr.size > wire::file_bytes_max) co_return fail(EFBIG);
    co_return co_await carry_out(scope_, cut(node, mask, attr, who));
}

Task<Known> Mount::cut(NodeRef node, std::uint32_t mask, Attr attr, Who who) {
    // A commit that is under way must not make the file longer again after the truncation.
    co_await flusher_.settle(node);
    DataChange data(flusher_, node);
    data.cut(attr.size);
    auto changed = co_await result(change(node->attr.ino, mask, attr, who));
    data.settle(wire::fate_of(changed));
    co_return std::move(changed);
}

// Privileges that a program gets now must outlive the writes before, which take away those it had.
Task<void> Mount::settle_writes(Ino ino) {
    Node* node = nodes_.find(ino);
    if (!node || !node->file || !node->file->has_unsent()) co_return;
    co_await flusher_.flush(nodes_.pin(*node), false);
}

Task<Known> Mount::change(Ino ino, std::uint32_t mask, const Attr& attr, Who who) {
    wire::SetAttr request;
    request.ino = ino;
    request.mask = mask;
    request.attr = attr;
    request.now = wall_now();
    request.who = who;
    NodeRef node;
    if (Node* known = nodes_.find(ino)) node = nodes_.pin(*known);
    File* const file = node ? node->file.get() : nullptr;
    // With the bytes that are cut off goes the commit that was to bring it.
    if (file && (mask & wire::set_size)) {
        if (file->unsent().loss() >= Loss::privileges) request.mask |= wire::set_kill_privileges;
        if (file->unsent().loss() == Loss::setgid_too) request.mask |= wire::set_kill_setgid;
    }
    AttrChange change(node, mask & (wire::set_mtime | wire::set_size));
    const auto entry = co_await result(session_->call(std::move(request)));
    change.settle(wire::fate_of(entry));
    if (!entry) co_return fail(entry.error());
    if (file && (mask & wire::set_size)) file->unsent().clear_loss();
    if (mask & wire::set_atime) flusher_.accesses().forget(ino);
    if (file && (mask & wire::set_mode)) file->unsent().keep_mode();
    co_return known(nodes_.learn(*entry));
}

Task<std::string> Mount::readlink(Ino ino) {
    wire::Target target = co_await session_->call(wire::ReadLink{ino});
    if (Node* node = nodes_.find(ino)) note_access(*node);
    co_return std::move(target.target);
}

// Where the volume has no inode left it is tried once more, without what was just deleted.
Task<wire::Entry> Mount::make_entry(wire::Make request) {
    auto made = co_await result(session_->call(request));
    if (made || made.error().code != ENOSPC || volume().max_inodes == 0) co_return made;
    co_await orphans_.release_now();
    co_return co_await session_->call(std::move(request));
}

Task<Known> Mount::make(Ino parent, std::string name, std::uint32_t mode, std::uint64_t rdev,
                        std::string target, Who who, std::uint32_t umask) {
    co_await writable();
    wire::Make request;
    request.parent = parent;
    request.name = name;
    request.mode = mode;
    request.rdev = rdev;
    request.target = std::move(target);
    request.now = wall_now();
    request.who = who;
    request.umask = umask;
    const std::uint64_t changes = nodes_.changes_of(parent);
    const auto made = co_await result(make_entry(std::move(request)));
    learn_name(parent, name, made, changes);
    if (!made) co_return fail(made.error());
    if (S_ISDIR(mode) && made->grant != Grant::none) names_.made_folder(made->attr.ino);
    co_return known(nodes_.learn(*made));
}

// A call that gives the folder a name was answered; `changes` of the folder's names were before it.
void Mount::learn_name(Ino parent, const std::string& name, const Result<wire::Entry>& answer,
                       std::uint64_t changes) {
    nodes_.names_changed(parent, also(answer), changes);
    if (name.empty()) return;
    if (answer && answer->grant != Grant::none) names_.put(parent, name, answer->attr.ino);
    else names_.forget(parent, name);
}

Task<Known> Mount::link(Ino ino, Ino parent, std::string name, Who who) {
    co_await writable();
    const std::uint64_t changes = nodes_.changes_of(parent);
    const auto linked =
        co_await result(session_->call(wire::Link{ino, parent, name, wall_now(), who}));
    learn_name(parent, name, linked, changes);
    nodes_.forget_attr(ino);
    if (!linked) co_return fail(linked.error());
    Node& node = nodes_.learn(*linked);
    if (node.attr.nlink > 0) orphans_.remove(ino);  // a file made without a name has one now
    co_return known(node);
}

Task<void> Mount::unlink(Ino parent, std::string name, Who who) {
    co_await writable();
    const std::uint64_t changes = nodes_.changes_of(parent);
    const auto removed =
        co_await result(session_->call(wire::Unlink{parent, name, wall_now(), who}));
    if (const Ino ino = names_.find(parent, name)) nodes_.forget_attr(ino);
    learn_removal(parent, name, removed, changes);
    co_await removed;
}

void Mount::learn_removal(Ino parent, const std::string& name, const Result<wire::Removed>& answer,
                          std::uint64_t changes) {
    nodes_.names_changed(parent, also(answer), changes);
    if (!answer) return names_.forget(parent, name);
    names_.erase(parent, name);
    lost_name(*answer);
}

// With the last one the inode is kept for its users here.
void Mount::lost_name(const wire::Removed& done) {
    if (done.attr.ino == 0) return;
    learn_told(done.attr.ino, done.also.empty() ? nullptr : &done.attr);
    if (done.attr.nlink == 0) orphans_.add(done.attr.ino);
}

Task<void> Mount::rmdir(Ino parent, std::string name, Who who) {
    co_await writable();
    const std::uint64_t changes = nodes_.changes_of(parent);
    const auto removed =
        co_await result(session_->call(wire::Rmdir{parent, name, wall_now(), who}));
    learn_removal(parent, name, removed, changes);
    names_.forget_folder((co_await removed).attr.ino);
}

Task<void> Mount::rename(Ino parent, std::string name, Ino new_parent, std::string new_name,
                         std::uint32_t flags, Who who) {
    co_await writable();
    if (flags == 0 && names_.find(new_parent, new_name)) co_await bring_bytes(parent, name);
    const wire::Rename request{parent, name, new_parent, new_name, flags, wall_now(), who};
    const std::uint64_t changes = nodes_.changes_of(parent);
    const std::uint64_t new_changes = nodes_.changes_of(new_parent);
    const auto removed = co_await result(session_->call(request));
    nodes_.names_changed(parent, also(removed), changes);
    if (new_parent != parent) nodes_.names_changed(new_parent, also(removed), new_changes);
    // Nothing was moved, or it is told late: others may have moved it since.
    if (!removed || removed->also.empty()) {
        names_.forget(parent, name);
        names_.forget(new_parent, new_name);
    } else {
        learn_move(request, *removed);
    }
    if (!removed) {
        // Stopped, it may have been done all the same, to whatever had the name.
        if (removed.error().code == ECANCELED) nodes_.forget_attrs();
        co_await fail(removed.error());
    }
    learn_told(removed->moved, told_of(removed->also, removed->moved));
    if (flags == RENAME_EXCHANGE) nodes_.forget_attr(removed->attr.ino);
    else lost_name(*removed);
}

// A small file that takes another's place has its bytes first, which then cost no object: who
// writes one anew and renames it finds, after a kill, the old bytes or the new. Without success,
// too, it is renamed; fsync and close tell.
Task<void> Mount::bring_bytes(Ino parent, const std::string& name) {
    Node* node = nodes_.find(names_.find(parent, name));
    if (!node || !node->file || !node->file->has_unsent()) co_return;
    if (node->file->is_small(session_->volume().inline_bytes))
        co_await result(flusher_.flush(nodes_.pin(*node), false, Duration::max()));
}

void Mount::learn_move(const wire::Rename& asked, const wire::Removed& done) {
    if (asked.flags & RENAME_WHITEOUT) names_.forget(asked.parent, asked.name);
    else if (asked.flags & RENAME_EXCHANGE) names_.put(asked.parent, asked.name, done.attr.ino);
    else names_.erase(asked.parent, asked.name);
    names_.put(asked.new_parent, asked.new_name, done.moved);
    if (!(asked.flags & RENAME_EXCHANGE)) names_.forget_folder(done.attr.ino);
}

// A call of this client changed the inode. `attr`: what it is now; null: not told, or late.
void Mount::learn_told(Ino ino, const Attr* attr) {
    const Node* node = nodes_.find(ino);
    // What a commit under way adds to the attributes, its answer adds to those that are known then.
    const bool settled = node && !(node->file && node->file->has_unsent());
    if (settled && attr) nodes_.learn_attr(*attr);
    else nodes_.forget_attr(ino);
}

}  // namespace flexfs::vfs
