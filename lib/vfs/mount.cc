// Opening and closing; what the service pushes.
#include "lib/vfs/mount.h"

#include <algorithm>
#include <cerrno>

#include "lib/loop/heap.h"

namespace flexfs::vfs {
namespace {

using namespace std::chrono_literals;

// Their shares of the memory budget.
constexpr std::uint64_t nodes_share = 16, names_share = 64;

constexpr std::size_t releases_max = 256;
constexpr Duration releases_pause = 10ms, releases_rest = 1ms;
constexpr Duration recall_pause = 500ms;

}  // namespace

Task<std::unique_ptr<Client>> Client::open(Loop& loop, Connect connect, object::Store& store,
                                           cache::Budget& budget, Options options,
                                           KernelCaches* caches, std::optional<HandedOver> from) {
    auto session = std::make_unique<Session>(loop, options.read_only, options.squash);
    co_await session->open(std::move(connect), from ? from->session : 0);
    auto mount = std::make_unique<Mount>(loop, std::move(session), store, budget, options, caches);
    if (from) co_await mount->take_over(std::move(*from));
    std::unique_ptr<Client> client = std::move(mount);
    co_return client;
}

Mount::Mount(Loop& loop, std::unique_ptr<Session> session, object::Store& store,
             cache::Budget& budget, Options options, KernelCaches* caches)
    : loop_(loop),
      session_(std::move(session)),
      store_(store),
      options_(options),
      caches_(caches),
      nodes_(budget, budget.limit() / nodes_share, volume().block_bytes),
      names_(budget, budget.limit() / names_share),
      frames_(loop, store, budget,
              {volume().id, volume().block_bytes, options_.store_requests_max}),
      packer_(loop, store, budget, {volume().id, volume().compression, options_.store_requests_max},
              [this] { return session_->call(wire::ReserveSegments{}); }),
      compactor_(loop, *session_, nodes_, packer_, frames_),
      flusher_(loop, *session_, nodes_, budget, packer_, frames_, compactor_, options_),
      reader_(*session_, nodes_, names_, frames_, budget, compactor_),
      quota_(*session_, flusher_, reader_, [this] { return release_now(); }),
      writer_(*session_, nodes_, budget, flusher_, quota_) {
    session_->listen(this);
    scope_.start(answer_recalls());
    loop::tune_heap();
    scope_.start(loop::keep_heap_small(loop));
}

Mount::~Mount() = default;

void Mount::end_handles() {
    handles_.clear();
    directories_.clear();
    flusher_.drop_orphans();
}

Task<void> Mount::close(Unsent unsent) {
    end_handles();
    Result<void> written;
    if (unsent == Unsent::write_back) written = co_await result(flusher_.drain());
    co_await flusher_.close();
    co_await scope_.close();
    co_await compactor_.close();
    co_await frames_.close();
    const auto closed = co_await result(session_->close());
    co_await written;
    co_await closed;
}

State Mount::state() const {
    State state;
    state.dirty_bytes = flusher_.dirty_bytes();
    nodes_.each([&](const Node& node) {
        if (node.file && node.file->has_unsent()) ++state.dirty_files;
    });
    state.dirty_oldest = flusher_.oldest();
    state.open_handles = handles_.size();
    state.cached_inodes = nodes_.size();
    state.cache_hits = frames_.counters().hits;
    state.cache_misses = frames_.counters().misses;
    return state;
}

void Mount::revoked(wire::Revoke what) {
    Node* node = nodes_.find(what.ino);
    const bool exclusive = node && node->grant == Grant::exclusive;
    if (what.what & wire::revoke_entry) {
        names_.erase(what.ino, what.name);
        if (caches_) caches_->drop_entry(what.ino, what.name);
    }
    if (what.what & (wire::revoke_attr | wire::revoke_xattr)) {
        if (node) node->changed();
        if (caches_) caches_->drop_attributes(what.ino);
    }
    if (what.what & wire::revoke_data) {
        // Who has the exclusive grant hears of extents that moved; the bytes are the same.
        if (node && node->file && exclusive) node->file->extents.forget();
        else if (node && node->file) node->file->forget_stored();
        if (caches_ && !exclusive) caches_->drop_data(what.ino);
    }
    if (node && !exclusive && (what.what & (wire::revoke_attr | wire::revoke_data)))
        node->grant = Grant::none;
    if (what.what & wire::revoke_orphan) {
        orphans_.insert(what.ino);
        if (node) node->orphan = true;
        // The kernel never heard of this end, and may not know the inode at all.
        if (!node || node->handles == 0) release_orphan(what.ino);
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
            if (held->grant == Grant::none) held->file->forget_stored();
            held->file->changed.wake_all();
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
        if (node.file) node.file->forget_stored();
        if (!caches_) return;
        caches_->drop_attributes(node.attr.ino);
        caches_->drop_data(node.attr.ino);
    });
}

// --- orphans: inodes whose last link is gone, kept for whoever has them open ---

void Mount::lost_name(const wire::Attr& attr) {
    if (attr.ino == 0) return;
    nodes_.learn_attr(attr);
    if (attr.nlink > 0) return;
    orphans_.insert(attr.ino);
    if (Node* node = nodes_.find(attr.ino)) node->orphan = true;
}

void Mount::forget(Ino ino) {
    if (orphans_.empty() || !orphans_.contains(ino)) return;
    Node* node = nodes_.find(ino);
    if (!node || node->handles == 0) release_orphan(ino);
}

void Mount::release_orphan(Ino ino) {
    orphans_.erase(ino);
    if (Node* node = nodes_.find(ino); node && node->file) {
        node->released = true;
        node->file->cut(0);
        flusher_.dropped(*node);
    }
    released_.push_back(ino);
    start_releases();
}

void Mount::start_releases() {
    if (sending_releases_) return;
    sending_releases_ = true;
    scope_.start(send_releases());
}

Task<void> Mount::send_releases() {
    while (!released_.empty()) {
        co_await loop_.sleep(released_.size() < releases_max ? releases_pause : releases_rest);
        co_await release_some();
    }
    sending_releases_ = false;
}

// They stay in the list until they are answered: who takes over must know of them.
Task<void> Mount::release_some() {
    while (releasing_) co_await released_some_.wait();
    if (released_.empty()) co_return;
    struct Turn {
        Mount& mount;
        explicit Turn(Mount& of) : mount(of) { mount.releasing_ = true; }
        ~Turn() {
            mount.releasing_ = false;
            mount.released_some_.wake_all();
        }
    } turn(*this);
    wire::Release request;
    const auto count = static_cast<std::ptrdiff_t>(std::min(released_.size(), releases_max));
    request.inos.assign(released_.begin(), released_.begin() + count);
    // What is lost here the end of the session makes good.
    co_await result(session_->call(std::move(request)));
    released_.erase(released_.begin(), released_.begin() + count);
}

// Somebody needs the room.
Task<void> Mount::release_now() {
    while (!released_.empty()) co_await release_some();
}

}  // namespace flexfs::vfs
