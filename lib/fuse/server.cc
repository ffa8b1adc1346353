#include "lib/fuse/server.h"

#include <algorithm>

#include "lib/base/format.h"
#include "lib/base/log.h"
#include "lib/fuse/operations.h"
#include "lib/loop/pool.h"

namespace flexfs::fuse {
namespace {

// The features that are requested from the kernel if it offers them.
constexpr std::uint64_t wanted_features =
    FUSE_ASYNC_READ | FUSE_ATOMIC_O_TRUNC | FUSE_EXPORT_SUPPORT | FUSE_BIG_WRITES |
    FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO | FUSE_ASYNC_DIO | FUSE_PARALLEL_DIROPS |
    FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS |
    FUSE_EXPLICIT_INVAL_DATA |  // what it caches is valid until it is told otherwise
    FUSE_HANDLE_KILLPRIV_V2 |   // else it asks for security.capability before every write
    FUSE_SETXATTR_EXT | FUSE_INIT_EXT;

// The kernel enforces ACLs, and leaves it to the filesystem to apply a default ACL and a umask to a
// mode.
constexpr std::uint64_t acl_features = FUSE_POSIX_ACL | FUSE_DONT_MASK;

constexpr std::uint16_t background_max = 64;

// A signal ends a request that waits for a server or a store that is away, not one that is being
// executed: no local disk answers EINTR to an fsync because a timer fired.
constexpr Duration interrupt_patience = std::chrono::milliseconds(500);

// The interval at which pause() checks whether requests in progress have ended.
constexpr Duration pause_step = std::chrono::milliseconds(2);

std::string_view name_of(std::uint32_t opcode) {
    const Operation* known = operation(opcode);
    return known ? known->name : "unknown";
}

}  // namespace

Result<void> check_negotiated(const Negotiated& agreed) {
    if (agreed.minor <= protocol_minor && !(agreed.features & ~(wanted_features | acl_features)) &&
        agreed.data_bytes_max <= data_bytes_max)
        return {};
    return explain(EPROTO,
                   "this flexfs does not support what the kernel and the running flexfs "
                   "negotiated when the volume was mounted");
}

// A request in progress. While it waits it is registered by its number, so that an interrupt finds
// it.
struct Server::Running {
    task::StopSource stop;
    Duration since = monotonic_now();
    bool* ended = nullptr;
    std::unique_ptr<AccessLog::Line> line;  // if there is an access log
};

Server::Server(Loop& loop, int descriptor, vfs::Filesystem& client, Notifier& notifier,
               metrics::Registry& metrics, ServerOptions options)
    : loop_(loop),
      options_(options),
      client_(client),
      channel_(descriptor, options.large_requests,
               [this](Request request) { receive(std::move(request)); }),
      notifier_(notifier),
      mapped_files_(!options_.taken_over) {
    notifier.attach(channel_);
    for (const Operation& row : all_operations())
        durations_[row.opcode] =
            &metrics.histogram("flexfs_mount_fuse_op_duration_seconds",
                               "From a kernel request's arrival to its reply.", {{"op", row.name}});
    watching_ = loop.watch(channel_);
    at_turn_end_ = loop.at_turn_end([this] {
        if (channel_.ended() && !ended_.is_set()) abort();
    });
    if (!options_.taken_over) return;
    channel_.pause(true);
    negotiated_ = *options_.taken_over;
    ready_.set();
}

void Server::abort() {
    ending_ = true;
    if (channel_.ended()) watching_.reset();
    ready_.set();
    ended_.set();
}

Server::~Server() = default;

View Server::view() const {
    View view = options_.view;
    const Duration most = client_.reliable_for();
    view.attr_valid = std::min(view.attr_valid, most);
    view.entry_valid = std::min(view.entry_valid, most);
    return view;
}

Task<void> Server::ready() {
    co_await ready_.wait();
    co_await std::move(greeting_);
    if (ended_.is_set()) co_await fail(ENODEV, "the kernel took the filesystem down");
}

Task<void> Server::ended() {
    co_await ended_.wait();
}

Task<void> Server::pause() {
    channel_.pause(true);
    while (scope_.running() > 0) {
        co_await loop_.sleep(pause_step);
        if (!dropping_.held()) continue;
        // To drop a page, the kernel may wait for a read or a write of it that it has still to
        // send.
        channel_.pause(false);
        channel_.poll();
        channel_.pause(true);
    }
}

Task<void> Server::drop_pages(const Request& request, std::uint64_t offset, std::uint64_t length) {
    // A caller that waits for the pages needs room for more requests.
    channel_.note_counted(request.unique());
    const wire::Ino ino = request.ino();
    const auto turn = co_await dropping_.lock();
    // This runs in the pool, because the kernel may wait for a read, or write back a page, that the
    // loop answers.
    co_await offload(loop_, [this, ino, offset, length]() -> Result<void> {
        notifier_.drop_range(ino, offset, length);
        return {};
    });
}

// To drop a page, the kernel may wait for a read or a write of it that it has still to send.
// Therefore requests are taken, and refused, until no notification is under way.
Task<void> Server::close() {
    ending_ = true;
    channel_.pause(false);
    notifier_.stop();
    co_await interrupts_.close();
    for (auto& [unique, running] : waiting_) running->stop.request();
    while (dropping_.held() || notifier_.is_telling()) co_await result(loop_.sleep(pause_step));
    watching_.reset();
    co_await scope_.close();
    notifier_.close();
}

void Server::receive(Request request) {
    switch (request.opcode()) {
        case FUSE_FORGET: return forget(*this, request);
        case FUSE_BATCH_FORGET: return batch_forget(*this, request);
        case FUSE_INTERRUPT: return interrupt(request.head<fuse_interrupt_in>().unique);
        case FUSE_INIT: return channel_.send(request.unique(), init(request));
        case FUSE_DESTROY: return channel_.send(request.unique(), Answer());
    }
    if (ending_) return channel_.send(request.unique(), fail(ENOTCONN));
    if (request.opcode() != FUSE_SETATTR) disarmed_.asked(request.pid());
    bool ended = false;
    auto running = std::make_unique<Running>();
    Running* handle = running.get();
    handle->ended = &ended;
    const std::uint64_t unique = request.unique();
    if (options_.access_log)
        handle->line = std::make_unique<AccessLog::Line>(
            AccessLog::Line{.operation = name_of(request.opcode()),
                            .arguments = describe(request),
                            .uid = request.who().uid,
                            .pid = request.pid(),
                            .outcome = {}});
    scope_.start(serve(*this, std::move(request), std::move(running)), &handle->stop);
    if (ended) return;
    handle->ended = nullptr;
    waiting_.emplace(unique, handle);
}

Task<void> Server::serve(Server& server, Request request, std::unique_ptr<Running> running) {
    const std::uint64_t unique = request.unique();
    const std::uint32_t opcode = request.opcode();
    const Operation* known = server.offered(opcode);
    Result<Answer> outcome = fail(ENOSYS);
    if (known) outcome = co_await result(known->handle(server, std::move(request)));
    if (!outcome && outcome.error().code == ECANCELED) outcome = fail(EINTR);
    if (running->ended) *running->ended = true;
    else server.waiting_.erase(unique);
    server.channel_.send(unique, outcome);
    const Duration took = monotonic_now() - running->since;
    if (known) server.durations_[opcode]->record(took);
    if (!running->line) co_return;
    running->line->outcome = describe(opcode, outcome);
    running->line->took = took;
    server.options_.access_log->add(*running->line, wall_now());
}

const Operation* Server::offered(std::uint32_t opcode) const {
    const Operation* known = operation(opcode);
    return known && known->xattr && !options_.xattrs ? nullptr : known;
}

void Server::interrupt(std::uint64_t unique) {
    // If it is not there it has been answered already; the kernel drops the interrupt.
    if (waiting_.contains(unique)) interrupts_.start(end_if_waiting(unique));
}

Task<void> Server::end_if_waiting(std::uint64_t unique) {
    co_await loop_.sleep(interrupt_patience);
    if (auto found = waiting_.find(unique); found != waiting_.end()) found->second->stop.request();
}

Result<Answer> Server::init(const Request& request) {
    const auto in = request.head<fuse_init_in>();
    if (in.major != FUSE_KERNEL_VERSION || in.minor < protocol_minor_least) {
        greeting_ = fail(
            EPROTO,
            fmt::format("the kernel speaks FUSE {}.{}; flexfs needs 7.{} (Linux 5.17) or newer",
                        in.major, in.minor, protocol_minor_least));
        ready_.set();
        return fail(EPROTO);
    }
    std::uint64_t offered = in.flags;
    if (in.flags & FUSE_INIT_EXT) offered |= std::uint64_t(in.flags2) << 32;
    const std::uint64_t features =
        offered & (options_.acls ? wanted_features | acl_features : wanted_features);
    negotiated_ = {std::min(in.minor, protocol_minor), features, data_bytes_max};

    fuse_init_out out{};
    out.major = FUSE_KERNEL_VERSION;
    out.minor = negotiated_.minor;
    out.max_readahead = readahead_bytes;
    out.flags = std::uint32_t(features);
    out.flags2 = std::uint32_t(features >> 32);
    out.max_background = background_max;
    out.congestion_threshold = background_max * 3 / 4;
    out.max_write = data_bytes_max;
    out.max_pages = data_bytes_max / 4096;
    out.time_gran = 1;
    ready_.set();
    return Answer().add(out);
}

}  // namespace flexfs::fuse
