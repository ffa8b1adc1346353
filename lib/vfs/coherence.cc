#include "lib/vfs/coherence.h"

#include <unordered_set>
#include <utility>

#include "lib/base/log.h"

namespace flexfs::vfs {
namespace {

constexpr Duration recall_pause = std::chrono::milliseconds(500);

}  // namespace

Coherence::Coherence(Parts parts) : parts_(parts) {
    parts_.session.listen(this);
    if (parts_.caches) parts_.caches->on_overflow([this] { drop_kernel_caches(); });
    scope_.start(answer_recalls());
}

void Coherence::revoked(wire::Revoke what) {
    Node* node = parts_.nodes.find(what.ino);
    const bool exclusive = node && node->is_exclusive();
    if (what.what & wire::revoke_entry) {
        parts_.names.forget(what.ino, what.name);
        if (parts_.caches) parts_.caches->drop_entry(what.ino, what.name);
    }
    if (what.what & (wire::revoke_attr | wire::revoke_xattr)) {
        if (node) node->changed();
        if (parts_.caches) parts_.caches->drop_attributes(what.ino);
    }
    if (what.what & wire::revoke_data) {
        // The holder of the exclusive grant is notified of extents that moved; the bytes are the
        // same.
        if (node && node->file() && exclusive) node->file()->stored().forget_extents();
        else if (node && node->file()) node->file()->stored().forget();
        if (parts_.caches && !exclusive) parts_.caches->drop_data(what.ino);
    }
    if (node && !exclusive && (what.what & (wire::revoke_attr | wire::revoke_data)))
        node->lose_grant();
    if (what.what & wire::revoke_orphan) {
        parts_.names.forget_folder(what.ino);
        parts_.orphans.add(what.ino);
        // The kernel was not told that the link was removed, and may not know the inode at all.
        parts_.orphans.forgotten(what.ino);
    }
}

void Coherence::recalled(wire::Recall what) {
    Node* node = parts_.nodes.find(what.ino);
    if (node) node->recall();
    recalls_.push_back(what);
    recall_came_.wake_all();
}

// Recalls are not answered from within the push, because the service must not be called before it
// has returned.
Task<void> Coherence::answer_recalls() {
    for (;;) {
        while (recalls_.empty()) co_await recall_came_.wait();
        scope_.start(give_back(recalls_.front()));
        recalls_.pop_front();
    }
}

Task<void> Coherence::give_back(wire::Recall what) {
    if (Node* node = parts_.nodes.find(what.ino)) {
        const NodeRef held = parts_.nodes.pin(*node);
        // The data must be written: the other client waits until it is. More may come meanwhile.
        while (held->file() && held->file()->has_unsent())
            if (!co_await result(parts_.flusher.flush(held, false)))
                co_await parts_.loop.sleep(recall_pause);
        held->give_back(what.keep);
    }
    if (what.keep == Grant::none && parts_.caches) {
        parts_.caches->drop_attributes(what.ino);
        parts_.caches->drop_data(what.ino);
    }
    co_await parts_.session.call(wire::ReturnGrant{what.ino, what.keep});
}

std::vector<Ino> Coherence::held() {
    std::vector<Ino> all;
    parts_.nodes.each([&](Node& node) {
        if (node.is_exclusive()) all.push_back(node.ino());
    });
    return all;
}

// Only unsent data stays, and is sent.
void Coherence::reconnected(Continuity how, const std::vector<Ino>& lost) {
    const bool none_held = how != Continuity::held;
    const std::unordered_set<Ino> gone(lost.begin(), lost.end());
    drop_kernel_caches();
    parts_.names.clear();
    std::vector<NodeRef> unsent;
    parts_.nodes.each([&](Node& node) {
        node.changed();
        if (node.is_exclusive() && !none_held && !gone.contains(node.ino())) return;
        const bool was_exclusive = node.is_exclusive();
        node.lose_grant();
        if (none_held) node.end_recall();
        if (!node.file()) return;
        node.file()->stored().forget();
        node.file()->changed().wake_all();
        if (was_exclusive && node.file()->has_unsent()) unsent.push_back(parts_.nodes.pin(node));
    });
    if (none_held) recalls_.clear();
    if (how == Continuity::replaced) parts_.packer.forget_ids();
    for (const NodeRef& node : unsent) lose_places(*node);
    // Unsent data without its grant is sent to the service at once, like data of a file that
    // several clients write.
    for (const NodeRef& node : unsent) scope_.start(send_unsent(node));
    scope_.start(find_removed());
}

// The bytes of an undone commit are no longer here, so an error is all that programs can get.
void Coherence::undone() {
    parts_.nodes.each([this](Node& node) {
        if (!node.file()) return;
        node.file()->stored().forget();
        if (parts_.flusher.is_durable(node.take_data_stamp())) return;
        node.file()->errors().add_loss();
        log::error("changes of the file with inode {} are lost", node.ino());
    });
}

void Coherence::drop_kernel_caches() {
    if (!parts_.caches) return;
    parts_.nodes.kernel_dropped();
    parts_.nodes.each([this](Node& node) {
        parts_.caches->drop_attributes(node.ino());
        if (node.file()) parts_.caches->drop_data(node.ino());
    });
    parts_.names.each(
        [this](Ino parent, const std::string& name) { parts_.caches->drop_entry(parent, name); });
}

Task<void> Coherence::send_unsent(NodeRef node) {
    const auto sent = co_await result(parts_.flusher.flush(node, false));
    if (sent || sent.error().code == ECANCELED) co_return;
    log::warn(
        "cannot write back what was written to inode {} while the metadata server was away: {}; "
        "retrying",
        node->ino(), sent.error().message());
}

// Other clients may append by now, too.
void Coherence::lose_places(Node& node) {
    if (!node.file()->unsent().lose_places()) return;
    log::error("appended data of inode {} may be lost: nobody knows whether it was stored",
               node.ino());
    node.file()->errors().add_loss();
    parts_.flusher.dropped(node);
}

// The push that a file lost its last link may have been lost, too: an open file must be released
// after its last use.
Task<void> Coherence::find_removed() {
    std::vector<Ino> open;
    parts_.nodes.each([&](Node& node) {
        if (node.is_open() && !node.is_orphan()) open.push_back(node.ino());
    });
    for (const Ino ino : open) {
        const auto entry = co_await result(parts_.session.call(wire::GetAttr{ino}));
        if (entry && entry->attr.nlink == 0) parts_.orphans.add(ino);
    }
}

}  // namespace flexfs::vfs
