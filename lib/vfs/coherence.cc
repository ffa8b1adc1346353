// Pushes of the service: revoked grants, and recalls of grants that another client needs.
#include <unordered_set>
#include <utility>

#include "lib/base/log.h"
#include "lib/vfs/caching_filesystem.h"

namespace flexfs::vfs {
namespace {

constexpr Duration recall_pause = std::chrono::milliseconds(500);

}  // namespace

void CachingFilesystem::revoked(wire::Revoke what) {
    Node* node = nodes_.find(what.ino);
    const bool exclusive = node && node->grant == Grant::exclusive;
    if (what.what & wire::revoke_entry) {
        names_.forget(what.ino, what.name);
        if (caches_) caches_->drop_entry(what.ino, what.name);
    }
    if (what.what & (wire::revoke_attr | wire::revoke_xattr)) {
        if (node) node->changed();
        if (caches_) caches_->drop_attributes(what.ino);
    }
    if (what.what & wire::revoke_data) {
        // The holder of the exclusive grant is notified of extents that moved; the bytes are the
        // same.
        if (node && node->file && exclusive) node->file->stored().forget_extents();
        else if (node && node->file) node->file->stored().forget();
        if (caches_ && !exclusive) caches_->drop_data(what.ino);
    }
    if (node && !exclusive && (what.what & (wire::revoke_attr | wire::revoke_data)))
        node->grant = Grant::none;
    if (what.what & wire::revoke_orphan) {
        names_.forget_folder(what.ino);
        orphans_.add(what.ino);
        // The kernel was not told that the link was removed, and may not know the inode at all.
        orphans_.forgotten(what.ino);
    }
}

void CachingFilesystem::recalled(wire::Recall what) {
    Node* node = nodes_.find(what.ino);
    if (node) node->recalled = true;
    recalls_.push_back(what);
    recall_came_.wake_all();
}

// Recalls are not answered from within the push, because the service must not be called before it
// has returned.
Task<void> CachingFilesystem::answer_recalls() {
    for (;;) {
        while (recalls_.empty()) co_await recall_came_.wait();
        scope_.start(give_back(recalls_.front()));
        recalls_.pop_front();
    }
}

Task<void> CachingFilesystem::give_back(wire::Recall what) {
    if (Node* node = nodes_.find(what.ino)) {
        const NodeRef held = nodes_.pin(*node);
        // The data must be written: the other client waits until it is. More may come meanwhile.
        while (held->file && held->file->has_unsent())
            if (!co_await result(flusher_.flush(held, false))) co_await loop_.sleep(recall_pause);
        held->grant = std::min(held->grant, what.keep);
        if (held->grant == Grant::none) held->doubt();
        held->recalled = false;
        if (held->file) {
            if (held->grant == Grant::none) held->file->stored().forget();
            held->file->changed().wake_all();
        }
    }
    if (what.keep == Grant::none && caches_) {
        caches_->drop_attributes(what.ino);
        caches_->drop_data(what.ino);
    }
    co_await session_->call(wire::ReturnGrant{what.ino, what.keep});
}

std::vector<Ino> CachingFilesystem::held() {
    std::vector<Ino> all;
    nodes_.each([&](Node& node) {
        if (node.grant == Grant::exclusive) all.push_back(node.attr.ino);
    });
    return all;
}

// Only unsent data stays, and is sent.
void CachingFilesystem::reconnected(Continuity how, const std::vector<Ino>& lost) {
    const bool none_held = how != Continuity::held;
    const std::unordered_set<Ino> gone(lost.begin(), lost.end());
    drop_kernel_caches();
    names_.clear();
    std::vector<NodeRef> unsent;
    nodes_.each([&](Node& node) {
        node.changed();
        if (node.grant == Grant::exclusive && !none_held && !gone.contains(node.attr.ino)) return;
        const bool was_exclusive = node.grant == Grant::exclusive;
        node.grant = Grant::none;
        if (none_held) node.recalled = false;
        if (!node.file) return;
        node.file->stored().forget();
        node.file->changed().wake_all();
        if (was_exclusive && node.file->has_unsent()) unsent.push_back(nodes_.pin(node));
    });
    if (none_held) recalls_.clear();
    if (how == Continuity::replaced) packer_.forget_ids();
    for (const NodeRef& node : unsent) lose_places(*node);
    // Unsent data without its grant is sent to the service at once, like data of a file that
    // several clients write.
    for (const NodeRef& node : unsent) scope_.start(send_unsent(node));
    scope_.start(find_removed());
}

// The bytes of an undone commit are no longer here, so an error is all that programs can get.
void CachingFilesystem::undone() {
    nodes_.each([this](Node& node) {
        if (!node.file) return;
        node.file->stored().forget();
        if (flusher_.is_durable(std::exchange(node.data_stamp, 0))) return;
        node.file->errors().add_loss();
        log::error("changes of the file with inode {} are lost", node.attr.ino);
    });
}

void CachingFilesystem::lease_ended() {
    drop_kernel_caches();
}

void CachingFilesystem::drop_kernel_caches() {
    if (!caches_) return;
    nodes_.each([this](Node& node) {
        caches_->drop_attributes(node.attr.ino);
        if (node.file) caches_->drop_data(node.attr.ino);
    });
    names_.each([this](Ino parent, const std::string& name) { caches_->drop_entry(parent, name); });
}

Task<void> CachingFilesystem::send_unsent(NodeRef node) {
    const auto sent = co_await result(flusher_.flush(node, false));
    if (sent || sent.error().code == ECANCELED) co_return;
    log::warn(
        "cannot write back what was written to inode {} while the metadata server was away: {}; "
        "retrying",
        node->attr.ino, sent.error().message());
}

// Other clients may append by now, too.
void CachingFilesystem::lose_places(Node& node) {
    if (!node.file->unsent().lose_places()) return;
    log::error("appended data of inode {} may be lost: nobody knows whether it was stored",
               node.attr.ino);
    node.file->errors().add_loss();
    flusher_.dropped(node);
}

// The push that a file lost its last link may have been lost, too: an open file must be released
// after its last use.
Task<void> CachingFilesystem::find_removed() {
    std::vector<Ino> open;
    nodes_.each([&](Node& node) {
        if (node.is_open() && !node.orphan) open.push_back(node.attr.ino);
    });
    for (const Ino ino : open) {
        const auto entry = co_await result(session_->call(wire::GetAttr{ino}));
        if (entry && entry->attr.nlink == 0) orphans_.add(ino);
    }
}

}  // namespace flexfs::vfs
