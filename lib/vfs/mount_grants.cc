// What the service says unasked: grants that end, grants that another client needs.
#include "lib/vfs/mount.h"

namespace flexfs::vfs {
namespace {

constexpr Duration recall_pause = std::chrono::milliseconds(500);

}  // namespace

void Mount::revoked(wire::Revoke what) {
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
        // Who has the exclusive grant hears of extents that moved; the bytes are the same.
        if (node && node->file && exclusive) node->file->stored().forget_extents();
        else if (node && node->file) node->file->stored().forget();
        if (caches_ && !exclusive) caches_->drop_data(what.ino);
    }
    if (node && !exclusive && (what.what & (wire::revoke_attr | wire::revoke_data)))
        node->grant = Grant::none;
    if (what.what & wire::revoke_orphan) {
        names_.forget_folder(what.ino);
        orphans_.add(what.ino);
        // The kernel never heard of this end, and may not know the inode at all.
        orphans_.forgotten(what.ino);
    }
}

void Mount::recalled(wire::Recall what) {
    Node* node = nodes_.find(what.ino);
    if (node) node->recalled = true;
    recalls_.push_back(what);
    recall_came_.wake_all();
}

// Not from within the push: the service must not be called back before it has returned.
Task<void> Mount::answer_recalls() {
    for (;;) {
        while (recalls_.empty()) co_await recall_came_.wait();
        scope_.start(give_back(recalls_.front()));
        recalls_.pop_front();
    }
}

Task<void> Mount::give_back(wire::Recall what) {
    if (Node* node = nodes_.find(what.ino)) {
        const NodeRef held = nodes_.pin(*node);
        // There is no other way than to write it: the other client waits until it is done.
        while (held->file && held->file->has_unsent() &&
               !co_await result(flusher_.flush(held, false)))
            co_await loop_.sleep(recall_pause);
        held->grant = std::min(held->grant, what.keep);
        held->current = held->current && held->grant != Grant::none;
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

// Revocations of the meantime are lost. What is unsent stays, and is sent.
void Mount::reconnected() {
    names_.clear();
    nodes_.each([this](Node& node) {
        node.changed();
        if (node.grant == Grant::exclusive) return;
        node.grant = Grant::none;
        if (node.file) node.file->stored().forget();
        if (!caches_) return;
        caches_->drop_attributes(node.attr.ino);
        caches_->drop_data(node.attr.ino);
    });
}

}  // namespace flexfs::vfs
