// The process of a mount, from opening the volume to the last write-back.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/cache/budget.h"
#include "lib/fuse/mountpoint.h"
#include "lib/fuse/server.h"
#include "lib/http/server.h"
#include "lib/metrics/registry.h"
#include "lib/options/options.h"
#include "lib/process/daemon.h"
#include "lib/process/presence.h"
#include "lib/process/restarter.h"
#include "lib/process/service_lock.h"
#include "lib/rpc/server.h"
#include "lib/task/scope.h"
#include "lib/task/sync.h"
#include "lib/volume/volume.h"
#include "roles/mount/control.h"
#include "roles/mount/takeover.h"

namespace flexfs::mount {

using options::MountOptions;

// Returns the options for opening the volume; `dir` must be resolved.
volume::OpenOptions open_options(const MountOptions& options);

class MountProcess final : Controlled, process::Restartable {
public:
    // The way in which this process image was started.
    struct Origin {
        std::string program;                // the path of the program, for a restart
        bool background = false;            // the process is a daemon
        std::optional<Takeover> from = {};  // the previous image served the mount
    };
    MountProcess(Loop& loop, const MountOptions& options, const process::Presence& presence,
                 process::ServiceLock lock, process::Readiness readiness, Origin origin);
    ~MountProcess() override;

    // Runs from opening the volume to its clean end. An error before readiness was reported is
    // reported as a failure to start.
    Task<void> run();

private:
    // Controlled
    MountStatus status() const override;
    void stop(bool force) override;
    std::string refused() const override { return options_.takeover_failed; }
    Task<std::string> restart() override;
    Result<void> set_access_times(const std::string& list) override;
    std::vector<std::string> changes(const std::string& list) const override;
    Task<wire::ScrubState> scrub(std::uint64_t bytes_per_second) override;
    Result<wire::ScrubState> scrub_progress() const override;
    Task<std::vector<std::string>> store_written() override;
    std::vector<std::string> unstored(std::size_t most) const override;

    // process::Restartable
    bool stopping() const override { return leaving_; }
    Result<void> check_program(const std::string& program) const override;
    Task<void> store() override { return files_->flush_all(); }
    std::string unstored() const override;
    Task<void> pause() override;
    void go_on() override { server_->go_on(); }
    process::Handover hand_over(int own_program) override;

    bool is_read_only() const;

    struct Restarting;
    Task<void> live();
    Task<void> run_restart(std::shared_ptr<Restarting> request);
    Task<void> open_volume();
    void offer_metrics();
    fuse::MountpointOptions mountpoint_options() const;
    Result<fuse::Mountpoint> mountpoint() const;
    void return_to_origin(const Error& why) const;
    void forget_origin();

    Result<void> open_access_log();
    Task<void> serve();
    Result<void> serve_metrics();
    Task<void> answer();
    void handle_signals();
    void told_to_stop();
    Task<void> leave();
    void cut_off();

    Task<void> store_everything();
    Task<void> keep_storing();
    Task<void> give_up(Scope& storing, std::string& given_up);
    Task<void> close_volume(Result<void> stored);
    void hurry();
    void end_soon(const std::string& why);
    Task<void> watch_volume();
    void complain(const std::string& sentence);

    Loop& loop_;
    MountOptions options_;
    const process::Presence& presence_;
    process::ServiceLock lock_;  // released last
    process::Readiness readiness_;
    std::optional<Takeover> from_;
    const bool background_;
    const std::uint64_t restarts_;
    process::Restarter restarter_;
    Control control_;

    metrics::Registry metrics_;
    cache::Budget budget_;
    fuse::Notifier notifier_;
    std::unique_ptr<volume::OpenVolume> volume_;
    std::unique_ptr<upkeep::Scrubber> scrubber_;  // of the scrub that is running
    std::unique_ptr<vfs::Filesystem> files_;
    std::optional<fuse::Mountpoint> mounted_;
    std::unique_ptr<fuse::AccessLog> access_log_;
    std::unique_ptr<fuse::Server> server_;
    std::unique_ptr<rpc::Server<wire::Control>> control_server_;
    std::unique_ptr<http::Server> metrics_server_;
    // From the start of serving to the end of storing, no signal kills the process.
    std::vector<std::unique_ptr<Loop::Registration>> signals_;
    Scope leaving_scope_;
    Scope watching_scope_;
    Scope restarting_scope_;
    bool serving_ = false;  // from the mount until the kernel has taken it down
    bool ready_ = false;
    bool leaving_ = false;
    task::Event hurried_;  // asked to stop a second time
};

}  // namespace flexfs::mount
