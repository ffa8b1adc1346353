#include "lib/vfs/caching_filesystem.h"

#include <sys/stat.h>

#include <algorithm>

#include "lib/base/log.h"
#include "lib/loop/heap.h"
#include "lib/vfs/leased.h"

namespace flexfs::vfs {
namespace {

// The inverse shares of the memory budget for nodes and for names.
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
    auto mount = std::make_unique<CachingFilesystem>(loop, std::move(session), store, budget,
                                                     options, caches);
    if (from) co_await mount->take_over(std::move(*from));
    std::unique_ptr<Filesystem> client = std::move(mount);
    if (on.lease() > Duration::zero()) client = std::make_unique<Leased>(std::move(client), on);
    co_return client;
}

CachingFilesystem::CachingFilesystem(Loop& loop, std::unique_ptr<Session> session,
                                     object::Store& store, cache::Budget& budget, Options options,
                                     KernelCaches* caches)
    : session_(std::move(session)),
      store_(store),
      options_(options),
      nodes_(budget, budget.limit() / nodes_share, volume().block_bytes),
      names_(budget, budget.limit() / names_share),
      chunks_(loop, store, budget,
              {volume().id, volume().block_bytes, options_.store_requests_max}),
      packer_(loop, store, budget, {volume().id, volume().compression, options_.store_requests_max},
              [this] { return session_->call(wire::ReserveSegments{}); }),
      compactor_(loop, *session_, nodes_, packer_, chunks_, budget),
      flusher_(loop, *session_, nodes_, budget, packer_, chunks_, compactor_, options_),
      storing_(loop, nodes_, names_, flusher_),
      orphans_(loop, *session_, nodes_, flusher_),
      reader_(*session_, nodes_, names_, chunks_, budget, compactor_),
      quota_(*session_, flusher_, reader_, [this] { return orphans_.release_now(); }),
      writer_(*session_, nodes_, budget, flusher_, quota_),
      access_(*session_, nodes_, flusher_, options_, caches),
      name_operations_({*session_, nodes_, names_, flusher_, orphans_, access_}),
      files_({*session_, nodes_, handles_, name_operations_, orphans_, flusher_, reader_, writer_,
              access_, options_, caches}),
      ranges_({*session_, nodes_, handles_, flusher_, reader_, writer_, quota_, access_},
              [this] { return statfs(); }),
      xattrs_(*session_, nodes_, access_, flusher_, options_),
      coherence_({loop, *session_, nodes_, names_, flusher_, orphans_, packer_, caches}) {
    loop::tune_heap();
    scope_.start(loop::keep_heap_small(loop));
}

CachingFilesystem::~CachingFilesystem() = default;

HandedOver CachingFilesystem::hand_over() const {
    HandedOver all;
    session_->hand_over(all);
    handles_.hand_over(all);
    orphans_.hand_over(all);
    return all;
}

// A file that cannot be opened again (for example because of a damaged row) fails with EBADF from
// now on; the others work.
Task<void> CachingFilesystem::take_over(HandedOver from) {
    handles_.next_after(from.last_handle);
    orphans_.take_over(from);
    for (const HandedOver::File& file : from.files) {
        auto found = co_await result(access_.node(file.ino));
        if (found && !(*found)->file()) found = fail(EINVAL, "not a regular file");
        if (!found) {
            log::error("the open file with inode {} is lost: {}", file.ino,
                       found.error().message());
            continue;
        }
        (*found)->set_orphan(orphans_.holds(file.ino));
        handles_.take_over(file.handle, std::move(*found), file.flags, file.failure);
    }
    for (const HandedOver::Directory& directory : from.directories)
        handles_.take_over(directory.handle,
                           std::make_shared<Directory>(*session_, nodes_, directory.ino));
}

void CachingFilesystem::end_handles() {
    handles_.clear();
    flusher_.drop_orphans();
}

Task<void> CachingFilesystem::close(AtClose unsent) {
    end_handles();
    Result<void> written;
    if (unsent == AtClose::write_back) written = co_await result(flusher_.drain());
    co_await flusher_.close();
    co_await name_operations_.close();
    co_await ranges_.close();
    co_await coherence_.close();
    co_await scope_.close();
    co_await orphans_.close();
    co_await compactor_.close();
    co_await chunks_.close();
    const auto closed = co_await result(session_->close());
    co_await written;
    co_await closed;
}

void CachingFilesystem::set_access_times(AccessTimes which, bool of_folders) {
    options_.access_times = which;
    options_.folder_access_times = of_folders;
}

Task<Known> CachingFilesystem::make(Ino parent, std::string name, std::uint32_t mode,
                                    std::uint64_t rdev, std::string target, Who who,
                                    std::uint32_t umask) {
    wire::Make request;
    request.parent = parent;
    request.name = std::move(name);
    request.mode = mode;
    request.rdev = rdev;
    request.target = std::move(target);
    request.who = who;
    request.umask = umask;
    return name_operations_.make(std::move(request));
}

Task<Opened> CachingFilesystem::create(Ino parent, std::string name, std::uint32_t mode, int flags,
                                       Who who, std::uint32_t umask, Kill kill) {
    wire::Make request;
    request.parent = parent;
    request.name = std::move(name);
    request.mode = S_IFREG | (mode & 07777);
    request.who = who;
    request.umask = umask;
    return files_.create(std::move(request), flags, kill);
}

Task<void> CachingFilesystem::rename(Ino parent, std::string name, Ino new_parent,
                                     std::string new_name, std::uint32_t flags, Who who) {
    return name_operations_.rename(
        {parent, std::move(name), new_parent, std::move(new_name), flags, 0, who});
}

State CachingFilesystem::state() const {
    State state;
    state.dirty_bytes = flusher_.dirty_bytes();
    nodes_.each([&](const Node& node) {
        if (node.file() && node.file()->has_unsent()) ++state.dirty_files;
    });
    state.dirty_oldest = flusher_.oldest();
    state.dirty_bound = flusher_.ages().bound();
    state.dirty_late = flusher_.ages().count();
    state.stored_bytes = flusher_.bytes_stored();
    state.failed_reads = reader_.failures();
    if (state.dirty_files > 0) state.trouble = flusher_.trouble();
    state.open_handles = handles_.files();
    state.cached_inodes = nodes_.size();
    state.cache_hits = chunks_.counters().hits;
    state.cache_misses = chunks_.counters().misses;
    return state;
}

Task<Filesystem::Space> CachingFilesystem::statfs() {
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
