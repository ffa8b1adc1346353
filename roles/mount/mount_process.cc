#include "roles/mount/mount_process.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/loop/pool.h"
#include "lib/options/memory.h"
#include "lib/options/option_list.h"
#include "lib/process/image.h"
#include "lib/process/mount_table.h"
#include "roles/mount/metrics_page.h"

namespace flexfs::mount {
namespace {

constexpr const char* told_to_stop_reason = "the mount is stopping";
constexpr Duration access_log_patience = std::chrono::seconds(1);

vfs::Options vfs_options(const MountOptions& options) {
    vfs::Options made;
    made.read_only = options.read_only;
    made.squash = options.squash;
    made.access_times = options.access_times;
    made.folder_access_times = options.folder_access_times;
    made.flush_on_close = options.flush_on_close;
    made.store_requests_max = options::divide(options).store_requests;
    return made;
}

fuse::ServerOptions server_options(const MountOptions& options) {
    // The kernel shows root what it has cached without a request, so a squashed root gets no
    // caches.
    const auto kept = [&](Duration valid) {
        return options.squash.root ? Duration::zero()
                                   : std::min<Duration>(valid, std::chrono::years(1));
    };
    return {.view = {kept(options.attr_valid), kept(options.entry_valid), options.umask},
            .xattrs = options.xattr,
            .acls = options.acl,
            .squash = options.squash,
            .large_requests = options::divide(options).kernel_requests};
}

}  // namespace

volume::OpenOptions open_options(const MountOptions& options) {
    return {.address = options.volume,
            .db_folder = options.db_folder,
            .settings = options.store,
            .creds_file = options.creds_file,
            .take_over = options.take_over,
            .fresh = options.fresh,
            .db_cache_bytes = options::divide(options).database,
            .read_only = options.read_only,
            .sync = options.sync,
            .repack_interval = options.repack_interval,
            .mount_point = options.dir};
}

MountProcess::MountProcess(Loop& loop, const MountOptions& options,
                           const process::Presence& presence, process::ServiceLock lock,
                           process::Readiness readiness, Origin origin)
    : loop_(loop),
      options_(options),
      presence_(presence),
      lock_(std::move(lock)),
      readiness_(std::move(readiness)),
      from_(std::move(origin.from)),
      background_(origin.background),
      restarts_(from_ ? from_->restarts : 0),
      restarter_(loop, *this, from_ ? from_->program : std::move(origin.program)),
      control_(*this),
      budget_(options::divide(options).rest, options::divide(options).dirty) {}

MountProcess::~MountProcess() = default;

Task<void> MountProcess::run() {
    auto outcome = co_await result(live());
    if (access_log_) co_await access_log_->close();
    if (control_server_) co_await control_server_->close();
    control_server_.reset();
    ::unlink(presence_.socket.c_str());
    if (!outcome && !ready_) readiness_.failed(outcome.error());
    else if (!outcome) log::error("{}", outcome.error().message());
    co_await std::move(outcome);
}

Task<void> MountProcess::live() {
    auto opened = co_await result(open_volume());
    if (!opened) {
        return_to_origin(opened.error());
        if (volume_) co_await result(volume_->close());
    }
    co_await std::move(opened);
    offer_metrics();
    auto served = co_await result(serve());
    auto ended = co_await result(close_volume(co_await result(store_everything())));
    signals_.clear();
    co_await std::move(served);
    co_await std::move(ended);
}

void MountProcess::offer_metrics() {
    offer(metrics_,
          {.files = [this] { return files_ ? files_->state() : vfs::State(); },
           .store = [this] { return volume_ ? volume_->store().counters() : object::Counters(); },
           .memory_used = [this] { return budget_.used(); },
           .memory_budget = options_.mem_bytes});
}

Task<void> MountProcess::open_volume() {
    volume::OpenOptions options = open_options(options_);
    options.metrics = &metrics_;
    if (from_) {
        options.taken_over = from_->volume_lock;
    } else {
        // This precedes making a volume, which must not happen for a mount that is impossible.
        co_await volume::check(options);
        co_await fuse::Mountpoint::check(options_.dir, mountpoint_options());
    }
    volume_ = co_await volume::open(loop_, std::move(options));
    auto connect = [this](rpc::Client<wire::Metadata>& client) { return volume_->connect(client); };
    std::optional<vfs::HandedOver> files;
    if (from_) files = std::move(from_->files);
    files_ = co_await vfs::Filesystem::open(loop_, connect, volume_->store(), budget_,
                                            vfs_options(options_), &notifier_, std::move(files));
}

// The previous image may be able to do what this one cannot.
void MountProcess::return_to_origin(const Error& why) const {
    if (from_ && options_.takeover_failed.empty())
        give_back(*from_, int(*options_.takeover), why.message());
}

// From now on there is no way back to the previous image.
void MountProcess::forget_origin() {
    ::close(from_->own_program);
    ::close(int(*options_.takeover));
    process::hold_signals(false);
}

fuse::MountpointOptions MountProcess::mountpoint_options() const {
    return {.source = options_.volume,
            .read_only = options_.read_only,
            .no_exec = options_.no_exec,
            .no_suid = options_.no_suid,
            .no_dev = options_.no_dev,
            .no_atime = options_.access_times == vfs::AccessTimes::never,
            .strict_atime = options_.access_times == vfs::AccessTimes::always,
            .non_empty = options_.non_empty};
}

Result<fuse::Mountpoint> MountProcess::mountpoint() const {
    if (from_) return fuse::Mountpoint::adopt(options_.dir, from_->kernel);
    return fuse::Mountpoint::mount(options_.dir, mountpoint_options());
}

// A mount that is taken over continues even if its log cannot be opened again.
Result<void> MountProcess::open_access_log() {
    if (options_.access_log.empty()) return {};
    auto made = std::make_unique<fuse::AccessLog>(loop_, options_.access_log);
    auto opened = made->open();
    if (opened) access_log_ = std::move(made);
    if (opened || !from_) return opened;
    log::warn("{}", opened.error().message());
    return {};
}

Task<void> MountProcess::serve() {
    co_await open_access_log();
    co_await serve_metrics();
    mounted_ = co_await mountpoint();
    fuse::ServerOptions options = server_options(options_);
    options.access_log = access_log_.get();
    if (from_) options.taken_over = from_->negotiated;
    server_ = std::make_unique<fuse::Server>(loop_, mounted_->descriptor(), *files_, notifier_,
                                             metrics_, options);
    handle_signals();
    control_server_ = std::make_unique<rpc::Server<wire::Control>>(loop_, control_);

    serving_ = true;
    watching_scope_.start(watch_volume());
    auto outcome = co_await result(answer());
    serving_ = false;
    co_await watching_scope_.close();
    leaving_ = true;
    if (!outcome) mounted_->detach();
    co_await leaving_scope_.close();
    co_await restarting_scope_.close();
    co_await server_->close();
    server_.reset();
    co_await std::move(outcome);
}

// The previous image served the same address, which another process may have taken meanwhile.
Result<void> MountProcess::serve_metrics() {
    if (options_.metrics_address.empty()) return {};
    auto serving = metrics_page(loop_, options_.metrics_address, metrics_, [this] {
        return leaving_ ? std::string("the mount is stopping") : std::string();
    });
    if (!serving && !from_) return fail(std::move(serving.error()));
    if (!serving) log::warn("metrics are not served: {}", serving.error().message());
    else metrics_server_ = std::move(*serving);
    return {};
}

// Ends when the kernel has taken the filesystem down.
Task<void> MountProcess::answer() {
    ::unlink(presence_.socket.c_str());
    auto listening = control_server_->listen("unix:" + presence_.socket);
    if (!listening) return_to_origin(listening.error());
    co_await std::move(listening);
    server_->go_on();
    if (from_) forget_origin();
    co_await server_->ready();
    // The mount works when stat() of it returns in another thread; the loop itself must not call
    // it.
    co_await offload(loop_, [dir = options_.dir]() -> Result<void*> {
        struct stat attr;
        if (::stat(dir.c_str(), &attr) != 0)
            return fail_errno("the new mount does not answer on " + dir);
        fuse::set_readahead(dir);
        return nullptr;
    });
    ready_ = true;
    log::info("{} {} on {}", options_.volume, from_ ? "is served again" : "is mounted",
              options_.dir);
    readiness_.ready("serving " + options_.dir);
    co_await server_->ended();
    log::info("{} was unmounted", options_.dir);
    process::notify_service_manager("STOPPING=1");
}

// mount(8) can make a mount read-only, which only the mount table shows.
bool MountProcess::is_read_only() const {
    if (options_.read_only) return true;
    const auto mounted = process::mounted_on(options_.dir);
    return mounted && (mounted->options == "ro" || mounted->options.starts_with("ro,"));
}

MountStatus MountProcess::status() const {
    MountStatus status{.mount_point = options_.dir,
                       .address = options_.volume,
                       .pid = ::getpid(),
                       .restarts = restarts_,
                       .phase = leaving_ ? Phase::stopping : Phase::serving,
                       .read_only = is_read_only(),
                       .memory_budget = options_.mem_bytes,
                       .memory_used = budget_.used(),
                       .metrics = metrics_.json()};
    if (files_) {
        status.volume = files_->volume();
        status.files = files_->state();
    }
    if (volume_) {
        status.store = volume_->store().counters();
        status.service = volume_->service_counters();
    }
    return status;
}

struct MountProcess::Restarting {
    std::string outcome;
    task::Event ended;
};

Task<void> MountProcess::run_restart(std::shared_ptr<Restarting> request) {
    auto outcome = co_await result(restarter_.restart());
    request->outcome = outcome ? std::move(*outcome) : told_to_stop_reason;
    request->ended.set();
}

// The restart uses the FUSE server, so it ends with it, while the control socket stays.
Task<std::string> MountProcess::restart() {
    if (!serving_ || leaving_) co_return std::string(told_to_stop_reason);
    auto request = std::make_shared<Restarting>();
    restarting_scope_.start(run_restart(request));
    co_await request->ended.wait();
    co_return request->outcome;
}

Result<void> MountProcess::set_access_times(const std::string& list) {
    MountOptions wanted = options_;
    TRY(options::apply_option_list(wanted, list, false));
    options_.access_times = wanted.access_times;
    options_.folder_access_times = wanted.folder_access_times;
    if (files_) files_->set_access_times(options_.access_times, options_.folder_access_times);
    return {};
}

std::vector<std::string> MountProcess::changes(const std::string& list) const {
    return options::changes(options_, files_ ? files_->volume() : wire::VolumeInfo(), list);
}

Task<wire::ScrubState> MountProcess::scrub(std::uint64_t bytes_per_second) {
    if (scrubber_)
        co_return explain(EBUSY, "another scrub of this mount is running; wait for its end");
    scrubber_ = volume_->scrubber({bytes_per_second});
    if (!scrubber_)
        co_return explain(EOPNOTSUPP, "the metadata of this volume is served elsewhere");
    auto outcome = co_await result(scrubber_->run());
    wire::ScrubState state = scrubber_->state();
    scrubber_.reset();
    co_await std::move(outcome);
    co_return state;
}

Result<wire::ScrubState> MountProcess::scrub_progress() const {
    if (!scrubber_) return explain(ENOENT, "no scrub of this mount is running");
    wire::ScrubState state = scrubber_->state();
    state.found.clear();
    return state;
}

// Without files, the volume is closed, and everything is stored.
Task<std::vector<std::string>> MountProcess::store_written() {
    if (!files_) co_return std::vector<std::string>();
    co_return co_await files_->store_written();
}

std::vector<std::string> MountProcess::unstored(std::size_t most) const {
    std::vector<std::string> names;
    if (!files_) return names;
    for (vfs::UnstoredFile& file : files_->unstored(most)) names.push_back(std::move(file.path));
    return names;
}

// A program inside the mount could not be read while no process serves the mount.
Result<void> MountProcess::check_program(const std::string& program) const {
    struct stat file, folder;
    if (::stat(program.c_str(), &file) != 0) return fail_errno("cannot use the program " + program);
    if (::stat(options_.dir.c_str(), &folder) != 0)
        return fail_errno("cannot use the mount point " + options_.dir);
    if (file.st_dev == folder.st_dev)
        return explain(EDEADLK, fmt::format("the program {} is inside the mount itself", program));
    return {};
}

// The next process image appends to the same access log.
Task<void> MountProcess::pause() {
    co_await server_->pause();
    if (access_log_) co_await access_log_->flush(access_log_patience);
}

std::string MountProcess::unstored() const {
    return format_size(files_->state().dirty_bytes);
}

process::Handover MountProcess::hand_over(int own_program) {
    Takeover takeover;
    takeover.restarts = restarts_ + 1;
    takeover.program = restarter_.program();
    takeover.command = options::command_line(options_);
    takeover.background = background_;
    takeover.volume = files_->volume();
    takeover.kernel = mounted_->descriptor();
    takeover.mount_lock = lock_.descriptor();
    takeover.volume_lock = volume_->kept_descriptor();
    takeover.own_program = own_program;
    takeover.negotiated = server_->negotiated();
    if (own_program >= 0) takeover.files = files_->hand_over();
    return {takeover.whole_command(), process::encode_handover(takeover), takeover.descriptors()};
}

}  // namespace flexfs::mount
