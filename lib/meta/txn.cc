#include "lib/meta/txn.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "lib/base/format.h"
#include "lib/base/log.h"

namespace flexfs::meta {

void Txn::start(SessionId session, std::span<const SessionId> holders, Time now) {
    session_ = session;
    holders_ = holders;
    now_ = now;
    found_.clear();
    changed_inodes_.clear();
}

Error Txn::damage(std::string what) {
    damaged_ = true;
    return {EIO, fmt::format("the metadata database {} is damaged: {}", state_.db->path(), what)};
}

Result<Inode*> Txn::find(Ino ino) {
    TRY(Inode * found, state_.inodes.find(st_, ino));
    if (observed() && found) found_.try_emplace(ino, *found);
    return found;
}

Result<Inode*> Txn::inode(Ino ino) {
    TRY(Inode * inode, find(ino));
    if (!inode) return fail(ESTALE);
    return inode;
}

Result<Inode*> Txn::file(Ino ino) {
    TRY(Inode * file, inode(ino));
    if (file->is_directory()) return fail(EISDIR);
    if (!file->is_file()) return fail(EINVAL);
    return file;
}

Result<Inode*> Txn::directory(Ino ino) {
    TRY(Inode * directory, inode(ino));
    if (!directory->is_directory()) return fail(ENOTDIR);
    return directory;
}

Result<Inode*> Txn::living_directory(Ino ino) {
    TRY(Inode * living, directory(ino));
    if (living->attr.nlink == 0) return fail(ENOENT);
    return living;
}

Result<void> Txn::room_for_inode() const {
    const std::uint64_t most = info().max_inodes;
    if (most != 0 && counters_.inodes() >= most) return fail(ENOSPC);
    return {};
}

Inode& Txn::create() {
    Inode made;
    made.attr.ino = counters_.next_ino++;
    made.attr.atime = made.attr.mtime = made.attr.ctime = made.attr.btime = now_;
    made.since = now_;
    if (observed()) {
        found_.emplace(made.attr.ino, std::nullopt);
        changed_inodes_.insert(made.attr.ino);
    }
    return state_.inodes.add(made);
}

void Txn::changed(Inode& inode) {
    state_.inodes.change(inode);
    inode.since = now_;
    if (observed()) changed_inodes_.insert(inode.attr.ino);
}

void Txn::touch(Inode& directory, Time at) {
    directory.attr.mtime = directory.attr.ctime = at;
    changed(directory);
}

Result<void> Txn::drop_link(Inode& inode) {
    inode.attr.nlink = inode.is_directory() ? 0 : inode.attr.nlink - 1;
    changed(inode);
    if (inode.attr.nlink > 0) return {};
    bool kept = false;
    for (SessionId holder : holders_) {
        if (!sessions().open.contains(holder)) continue;
        state_.orphans.add(inode.attr.ino, holder);
        kept = true;
    }
    return kept ? Result<void>() : free(inode);
}

Result<void> Txn::free(Inode& inode) {
    const Ino ino = inode.attr.ino;
    TRY(erase_inline(inode));
    if (inode.has(has_xattrs)) {
        TRY(report_no_xattrs(inode));
        TRY(st_.xattr_erase_all.run(ino));
    }
    if (S_ISLNK(inode.attr.mode)) TRY(st_.symlink_erase.run(ino));
    TRY(drop_extents(inode, 0));
    counters_.used_bytes -= inode.attr.used;
    ++counters_.deleted;
    if (ino + 1 == counters_.next_ino) counters_.ino_floor = ino;
    if (observed()) changed_inodes_.insert(ino);
    state_.inodes.erase(inode);
    return {};
}

Result<std::optional<Name>> Txn::name(Ino parent, std::string_view name) {
    return state_.entries.find(st_, {parent, state_.hash(name), name});
}

Result<void> Txn::room_for_name(Ino parent, std::string_view name) {
    TRY(const bool room, state_.entries.make_room(st_, {parent, state_.hash(name), name}));
    if (room) return {};
    if (!std::exchange(state_.told_full_group, true))
        log::warn(
            "directory {} of {} cannot take a name because {} others have nearly the same hash; "
            "use another name. Further cases are not logged",
            parent, state_.db->path(), name_slots);
    return fail(ENOSPC);
}

void Txn::put_name(Ino parent, std::string_view name, const Inode& to) {
    const Entries::Place at{parent, state_.hash(name), name};
    const Name target{.ino = to.attr.ino, .kind = to.attr.mode >> 12, .since = now_};
    const Name before = name_to_report(at);
    state_.entries.put(at, target);
    report_name(at, before);
}

void Txn::erase_name(Ino parent, std::string_view name) {
    const Entries::Place at{parent, state_.hash(name), name};
    const Name before = name_to_report(at);
    state_.entries.erase(at);
    report_name(at, before);
}

Result<bool> Txn::is_empty(Ino directory) {
    return state_.entries.is_empty(st_, directory);
}

Result<void> Txn::put_xattr(Inode& inode, std::string_view name, ByteView value) {
    TRY(report_xattr(inode, name, value));
    TRY(st_.xattr_put.run(inode.attr.ino, name, value, now_));
    if (!inode.has(has_xattrs)) inode.set_has_xattrs(true);
    changed(inode);
    return {};
}

Result<bool> Txn::erase_xattr(Inode& inode, std::string_view name) {
    TRY(const std::optional<Buffer> there, load_xattr(st_, inode, name));
    if (!there) return false;
    TRY(report_xattr(inode, name, std::nullopt));
    TRY(st_.xattr_erase.run(inode.attr.ino, name));
    db::Query query(st_.xattr_names, inode.attr.ino);
    TRY(const bool more, query.next());
    inode.set_has_xattrs(more);
    changed(inode);
    return true;
}

Result<std::optional<Acl>> Txn::acl(const Inode& inode, std::string_view name) {
    auto loaded = load_acl(st_, inode, name);
    if (!loaded) damaged_ = true;
    return loaded;
}

Sessions& Txn::change_sessions() {
    if (!changed_sessions_) changed_sessions_ = std::make_shared<Sessions>(*state_.sessions);
    return *changed_sessions_;
}

wire::VolumeInfo& Txn::change_info() {
    if (!changed_info_) changed_info_ = state_.info;
    return *changed_info_;
}

void Txn::settle() {
    state_.counters = counters_;
    state_.clock = std::max(state_.clock, now_);
    if (changed_sessions_) state_.sessions = std::move(changed_sessions_);
    if (changed_info_) state_.info = std::move(*changed_info_);
    if (cuts_) state_.cuts = *cuts_;
}

}  // namespace flexfs::meta
