// `flexfs mount start`: one process from the checks of the command line to the last flush.
#include "roles/mount/start.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/home.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/cache/budget.h"
#include "lib/cli/program.h"
#include "lib/fuse/mountpoint.h"
#include "lib/fuse/server.h"
#include "lib/loop/pool.h"
#include "lib/rpc/server.h"
#include "lib/task/sync.h"
#include "lib/wire/control.h"
#include "roles/mount/control.h"
#include "roles/mount/daemon.h"
#include "roles/mount/embedded.h"
#include "roles/mount/image.h"
#include "roles/mount/memory.h"
#include "roles/mount/presence.h"
#include "roles/mount/restarter.h"
#include "roles/mount/takeover.h"

namespace flexfs::mount {
namespace {

constexpr std::size_t readahead_bytes = 1 << 20;
// The longest that a mount in use is waited for after it was told to stop, and how often it is
// tried to unmount it meanwhile.
constexpr Duration leave_patience = std::chrono::seconds(10);
constexpr Duration leave_pause = std::chrono::milliseconds(200);
// Between tries to store what a full disk or the like keeps from being stored at the end.
constexpr Duration store_pause = std::chrono::seconds(3);
// A mount that is told to stop once more has this long to store what is left before it is given up,
// and from then on this long to end in order.
constexpr Duration hurry_patience = std::chrono::seconds(3);
constexpr Duration end_patience = std::chrono::seconds(5);

EmbeddedOptions embedded_options(const MountOptions& options) {
    return {.address = options.volume,
            .db_folder = options.db_folder,
            .fresh = options.fresh,
            .db_cache_bytes = divide(options).database,
            .read_only = options.read_only,
            .sync = options.sync,
            .mount_point = options.dir};
}

vfs::Options vfs_options(const MountOptions& options) {
    vfs::Options made;
    made.read_only = options.read_only;
    made.squash = options.squash;
    made.access_times = options.access_times;
    made.folder_access_times = options.folder_access_times;
    made.flush_on_close = options.flush_on_close;
    made.store_requests_max = divide(options).store_requests;
    return made;
}

fuse::ServerOptions server_options(const MountOptions& options) {
    // What the kernel keeps it shows to root without asking.
    const auto kept = [&](Duration valid) {
        return options.squash.root ? Duration::zero()
                                   : std::min<Duration>(valid, std::chrono::years(1));
    };
    return {.view = {kept(options.attr_valid), kept(options.entry_valid), options.umask},
            .xattrs = options.xattr,
            .acls = options.acl,
            .squash = options.squash,
            .large_requests = divide(options).kernel_requests};
}

// The mount while it serves.
class Mount {
public:
    // `from`: the process image before this one served it already.
    Mount(const MountOptions& options, const Presence& presence, LockFile lock, Readiness readiness,
          Restarter::Origin origin, std::optional<Takeover> from)
        : options_(options),
          presence_(presence),
          lock_(std::move(lock)),
          readiness_(std::move(readiness)),
          origin_(std::move(origin)),
          from_(std::move(from)),
          budget_(divide(options).rest, divide(options).dirty) {}

    // From opening the volume to its clean end.
    Task<void> run(Loop& loop) {
        loop_ = &loop;
        auto opened = co_await result(open_volume());
        if (!opened) return_to_origin(opened.error());
        co_await std::move(opened);
        offer_metrics();
        auto served = co_await result(serve());
        auto stored = co_await result(store_everything());
        auto closed =
            co_await result(client_->close(stored ? Unsent::write_back : Unsent::give_up));
        if (!stored) closed = std::move(stored);
        client_.reset();
        // What hurry() said is taken back where nothing was lost.
        if (!closed || hurried_.is_set()) complain(closed ? "" : closed.error().message());
        co_await embedded_->close();
        embedded_.reset();
        stop_ = nullptr;
        signals_.clear();
        co_await std::move(served);
        co_await std::move(closed);
    }
    bool was_ready() const { return ready_; }
    Readiness& readiness() { return readiness_; }

private:
    using Unsent = vfs::Filesystem::Unsent;

    void offer_metrics() {
        const auto of_client = [this](std::uint64_t vfs::State::* what) {
            return [this, what] { return client_ ? client_->state().*what : 0; };
        };
        metrics_.counter_of("flexfs_mount_cache_hits_total",
                            "Pieces of files that were in memory when they were wanted.", {},
                            of_client(&vfs::State::cache_hits));
        metrics_.counter_of("flexfs_mount_cache_misses_total",
                            "Pieces of files that had to be fetched from the store.", {},
                            of_client(&vfs::State::cache_misses));
    }

    Task<void> open_volume() {
        EmbeddedOptions options = embedded_options(options_);
        if (from_) options.lock_taken_over = from_->volume_lock;
        if (!from_) {
            // Before a volume is made for a mount that cannot be.
            co_await Embedded::check_new(options);
            co_await fuse::Mountpoint::check(options_.dir, mountpoint_options());
        }
        embedded_ = co_await Embedded::open(*loop_, options);
        auto connect = [this](rpc::Client<wire::Metadata>& client) {
            return std::make_unique<rpc::Caller<wire::Metadata>>(embedded_->service(), client);
        };
        std::optional<vfs::HandedOver> files;
        if (from_) files = std::move(from_->files);
        client_ =
            co_await vfs::Filesystem::open(*loop_, connect, embedded_->store(), budget_,
                                           vfs_options(options_), &notifier_, std::move(files));
    }

    // Where the image before this one may still do what this one cannot.
    void return_to_origin(const Error& why) const {
        if (from_ && options_.takeover_failed.empty())
            give_back(*from_, int(*options_.takeover), why.message());
    }

    fuse::MountpointOptions mountpoint_options() const {
        return {.source = options_.volume,
                .read_only = options_.read_only,
                .no_exec = options_.no_exec,
                .no_suid = options_.no_suid,
                .no_dev = options_.no_dev,
                .no_atime = options_.access_times == AccessTimes::never,
                .non_empty = options_.non_empty};
    }

    Result<fuse::Mountpoint> mountpoint() const {
        if (from_) return fuse::Mountpoint::adopt(options_.dir, from_->kernel);
        return fuse::Mountpoint::mount(options_.dir, mountpoint_options());
    }

    Task<void> serve() {
        auto mounted = co_await mountpoint();
        fuse::ServerOptions server_options = mount::server_options(options_);
        if (from_) server_options.taken_over = from_->negotiated;
        fuse::Server server(*loop_, mounted.descriptor(), *client_, notifier_, metrics_,
                            server_options);
        Scope scope;
        stop_ = [&] { scope.start(leave(mounted, server)); };
        const auto told_to_stop = [this] {
            if (stop_) stop_();
        };
        for (const int signal : {SIGTERM, SIGINT, SIGQUIT})
            signals_.push_back(loop_->on_signal(signal, told_to_stop));
        signals_.push_back(loop_->on_signal(SIGHUP, log::rotate));
        Restarter restarter(
            {*loop_, options_, *embedded_, *client_, server, lock_, leaving_, mounted.descriptor()},
            origin_);
        Control control({options_, *embedded_, *client_, budget_, metrics_}, restarter,
                        [&](bool force) {
                            if (force) cut_off(mounted, server);
                            else told_to_stop();
                        });
        rpc::Server<wire::Control> control_server(*loop_, control);

        auto outcome = co_await result(answer(server, control_server));
        stop_ = [this] { hurry(); };
        if (!outcome) mounted.detach();
        co_await scope.close();
        co_await control_server.close();
        co_await server.close();
        co_await std::move(outcome);
    }

    // Programs were told that their data is written; a full disk or a store that is away is waited
    // for. Whoever cannot wait tells the process to stop, once more: EIO, with what was given up.
    Task<void> store_everything() {
        client_->end_handles();
        Scope storing, patience;
        std::string given_up;
        storing.start(keep_storing());
        patience.start(give_up(storing, given_up));
        co_await storing.join();
        co_await patience.close();
        if (!given_up.empty()) co_await explain(EIO, std::move(given_up));
    }
    Task<void> keep_storing() {
        for (;;) {
            auto stored = co_await result(client_->flush_all());
            if (stored || stored.error().code == ECANCELED) co_return;
            log::error(
                "{} of {} cannot be stored yet, and are tried again ({}); SIGTERM gives them up",
                format_size(client_->state().dirty_bytes), options_.dir, stored.error().message());
            co_await loop_->sleep(store_pause);
        }
    }
    Task<void> give_up(Scope& storing, std::string& given_up) {
        co_await hurried_.wait();
        co_await loop_->sleep(hurry_patience);
        const vfs::State state = client_->state();
        given_up = fmt::format("{} in {} files of {} are given up", format_size(state.dirty_bytes),
                               state.dirty_files, options_.dir);
        storing.cancel();
    }

    // Told to stop once more: from now on the process ends soon, whatever hangs.
    void hurry() {
        if (hurried_.is_set()) return;
        log::warn("told to stop once more: what is not stored in a moment is given up");
        hurried_.set();
        complain("it was told to stop once more before the end");
        end_after(hurry_patience + end_patience);
    }

    // For who waits for the end.
    void complain(const std::string& sentence) {
        lock_.complain(sentence);
        if (embedded_) embedded_->lock().complain(sentence);
    }

    // Until the kernel has taken the filesystem down.
    Task<void> answer(fuse::Server& server, rpc::Server<wire::Control>& control) {
        ::unlink(presence_.socket.c_str());
        auto listening = control.listen("unix:" + presence_.socket);
        if (!listening) return_to_origin(listening.error());
        co_await std::move(listening);
        server.go_on();
        if (from_) forget_origin();
        co_await server.ready();
        // The mount answers when a stranger's stat returns; the loop itself must not ask.
        co_await offload(*loop_, [dir = options_.dir]() -> Result<void*> {
            struct stat attr;
            if (::stat(dir.c_str(), &attr) != 0) return fail_errno("the new mount on " + dir);
            fuse::set_readahead(dir, readahead_bytes);
            return nullptr;
        });
        ready_ = true;
        log::info("{} {} on {}", options_.volume, from_ ? "goes on" : "is mounted", options_.dir);
        readiness_.ready("serving " + options_.dir);
        co_await server.ended();
        log::info("{} was unmounted", options_.dir);
        notify_service_manager("STOPPING=1");
    }

    // From now on there is no way back to the image before this one.
    void forget_origin() {
        ::close(from_->own_program);
        ::close(int(*options_.takeover));
        hold_signals(false);
    }

    // Told to stop. Whoever has files open may go on with them for a moment, and finds them by
    // their paths, too: only what is in use for longer is taken off the tree all the same, which
    // shows programs the folder underneath.
    Task<void> leave(fuse::Mountpoint& mounted, fuse::Server& server) {
        if (leaving_) {
            hurry();
            co_return cut_off(mounted, server);
        }
        leaving_ = true;
        log::info("told to stop; unmounting {}", options_.dir);
        const Duration until = loop_->now() + leave_patience;
        while (loop_->now() < until) {
            auto gone = co_await result(offload(*loop_, [this]() -> Result<int> {
                TRY(fuse::unmount(options_.dir, false));
                return 0;
            }));
            // EINVAL: somebody has taken it off the tree already. What is open then goes on, too.
            if (gone || gone.error().code != EBUSY) break;
            co_await loop_->sleep(leave_pause);
        }
        co_await loop_->sleep(until - loop_->now());
        cut_off(mounted, server);
    }
    void cut_off(fuse::Mountpoint& mounted, fuse::Server& server) {
        leaving_ = true;
        log::warn("files that are open in {} are cut off", options_.dir);
        mounted.detach();
        server.abort();
    }

    MountOptions options_;
    const Presence& presence_;
    LockFile lock_;
    Readiness readiness_;
    const Restarter::Origin origin_;
    std::optional<Takeover> from_;
    Loop* loop_ = nullptr;
    metrics::Registry metrics_;
    cache::Budget budget_;
    fuse::Notifier notifier_;
    std::unique_ptr<Embedded> embedded_;
    std::unique_ptr<vfs::Filesystem> client_;
    // What the signals mean depends on how far the mount is; none of them kills it from when it
    // serves until all is stored.
    std::vector<std::unique_ptr<Loop::Registration>> signals_;
    std::function<void()> stop_;
    bool ready_ = false;
    bool leaving_ = false;
    task::Event hurried_;  // told to stop once more
};

// One mount on a mount point at a time.
Result<LockFile> lock_mount_point(const Presence& presence, const std::string& dir) {
    auto lock = LockFile::take_in_turn(presence.lock, dir);
    if (lock || lock.error().code != EBUSY) return lock;
    const auto holder = lock_holder(presence.lock);
    return explain(EBUSY,
                   fmt::format("{} is a flexfs mount already (process {}); `flexfs mount stop {}` "
                               "ends it",
                               dir, holder ? holder->pid : 0, dir));
}

Result<void> serve_mount(const MountOptions& options, const Presence& presence, Readiness readiness,
                         Restarter::Origin origin, std::optional<Takeover> from = {}) {
    auto lock = from ? LockFile::adopt(from->mount_lock, options.dir)
                     : lock_mount_point(presence, options.dir);
    if (!lock) {
        readiness.failed(lock.error().message());
        return fail(std::move(lock.error()));
    }
    Loop loop;
    Mount mount(options, presence, std::move(*lock), std::move(readiness), std::move(origin),
                std::move(from));
    auto outcome = loop.run(mount.run(loop));
    ::unlink(presence.socket.c_str());
    if (!outcome && !mount.was_ready()) mount.readiness().failed(outcome.error().message());
    else if (!outcome) log::error("{}", outcome.error().message());
    return outcome;
}

// In the place of the process image before this one.
Result<void> take_over(const MountOptions& options) {
    const int memory = int(*options.takeover);
    TRY(Takeover from, load_takeover(memory));
    keep_open(memory, false);
    for (const int descriptor : from.descriptors()) keep_open(descriptor, false);
    const auto presence = presence_of(options.dir);
    if (!presence) {
        if (options.takeover_failed.empty()) give_back(from, memory, presence.error().message());
        return fail(presence.error());
    }
    const std::string log_file =
        from.background && options.log_file.empty() ? presence->log : options.log_file;
    // Where that fails, it goes on where standard error leads.
    if (!log_file.empty())
        if (auto opened = log::to_file(log_file); !opened)
            log::warn("{}", opened.error().message());
    Restarter::Origin origin{from.restarts, from.program, from.background};
    return serve_mount(options, *presence, Readiness(), std::move(origin), std::move(from));
}

Result<void> start(MountOptions options) {
    if (options.verbose) log::set_level(log::Level::debug);
    if (options.check_takeover) return check_takeover(options);
    if (options.takeover) return take_over(options);
    options.dir = absolute_path(options.dir);
    TRY(const Presence presence, presence_of(options.dir));
    const bool background = !options.foreground && !has_service_manager();
    Restarter::Origin origin{.program = program_path(), .background = background};
    if (!background) {
        if (!options.log_file.empty()) TRY(log::to_file(options.log_file));
        return serve_mount(options, presence, Readiness(), std::move(origin));
    }
    const std::string log_file = options.log_file.empty() ? presence.log : options.log_file;
    TRY(make_private_folder(flexfs_home() + "/mount/log"));
    TRY(Forked forked, go_to_background(log_file));
    if (!forked.daemon) return forked.outcome;
    if (auto opened = log::to_file(log_file); !opened) {
        forked.readiness.failed(opened.error().message());
        ::_exit(1);
    }
    ::_exit(serve_mount(options, presence, std::move(forked.readiness), std::move(origin)) ? 0 : 1);
}

}  // namespace

int run_mount(const MountOptions& options) {
    return cli::report(start(options));
}

Result<void> check_mount(const MountOptions& options) {
    EmbeddedOptions wanted = embedded_options(options);
    wanted.read_only = false;  // the volume may be made until then
    wanted.mount_point = absolute_path(options.dir);
    return Embedded::check_new(wanted, Embedded::When::later);
}

}  // namespace flexfs::mount
