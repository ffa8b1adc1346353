// The mount as a whole: opened and closed, its state, its room.
#include "lib/vfs/mount.h"

#include <algorithm>

#include "lib/loop/heap.h"
#include "lib/vfs/leased.h"

namespace flexfs::vfs {
namespace {

// Their shares of the memory budget.
constexpr std::uint64_t nodes_share = 16, names_share = 64;

}  // namespace

Task<std::unique_ptr<Filesystem>> Filesystem::open(Loop& loop, Connect connect,
                                                   object::Store& store, cache::Budget& budget,
                                                   Options options, KernelCaches* caches,
                                                   std::optional<HandedOver> from) {
    auto session =
        std::make_unique<Session>(loop, options.read_only, options.squash, options.volume);
    co_await session->open(std::move(connect), from ? &*from : nullptr);
    Session& on = *session;
    auto mount = std::make_unique<Mount>(loop, std::move(session), store, budget, options, caches);
    if (from) co_await mount->take_over(std::move(*from));
    std::unique_ptr<Filesystem> client = std::move(mount);
    if (on.lease() > Duration::zero()) client = std::make_unique<Leased>(std::move(client), on);
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
      chunks_(loop, store, budget,
              {volume().id, volume().block_bytes, options_.store_requests_max}),
      packer_(loop, store, budget, {volume().id, volume().compression, options_.store_requests_max},
              [this] { return session_->call(wire::ReserveSegments{}); }),
      compactor_(loop, *session_, nodes_, packer_, chunks_, budget),
      flusher_(loop, *session_, nodes_, budget, packer_, chunks_, compactor_, options_),
      orphans_(loop, *session_, nodes_, flusher_),
      reader_(*session_, nodes_, names_, chunks_, budget, compactor_),
      quota_(*session_, flusher_, reader_, [this] { return orphans_.release_now(); }),
      writer_(*session_, nodes_, budget, flusher_, quota_) {
    session_->listen(this);
    if (caches_) caches_->on_overflow([this] { drop_kernel_caches(); });
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
    co_await orphans_.close();
    co_await compactor_.close();
    co_await chunks_.close();
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
    if (state.dirty_files > 0) state.trouble = flusher_.trouble();
    state.open_handles = handles_.size();
    state.cached_inodes = nodes_.size();
    state.cache_hits = chunks_.counters().hits;
    state.cache_misses = chunks_.counters().misses;
    return state;
}

Task<Filesystem::Space> Mount::statfs() {
    co_await orphans_.release_now();
    const wire::Statistics used = co_await session_->call(wire::StatFs{});
    const object::Store::Space store = co_await store_.space();
    const std::uint64_t spent = quota_.spent(used.used_bytes);
    Space space;
    space.free_bytes = store.total > 0 ? store.free : bytes_unlimited;
    space.total_bytes = spent + space.free_bytes;
    if (used.max_bytes > 0) {
        space.total_bytes = used.max_bytes;
        const std::uint64_t left = used.max_bytes - std::min(used.max_bytes, spent);
        space.free_bytes = std::min(left, space.free_bytes);
    }
    space.total_inodes = used.max_inodes > 0 ? used.max_inodes : used.inodes + inodes_unlimited;
    space.free_inodes = space.total_inodes - std::min(space.total_inodes, used.inodes);
    co_return space;
}

}  // namespace flexfs::vfs
