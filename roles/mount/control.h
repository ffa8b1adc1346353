// The control socket of a running mount, which serves `flexfs mount status`, `stop`, `restart`,
// `sync` and remounts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/rpc/rpc.h"
#include "lib/wire/control.h"
#include "roles/mount/status_report.h"

namespace flexfs::mount {

// The mount as the control socket uses it.
class Controlled {
public:
    virtual ~Controlled() = default;
    virtual MountStatus status() const = 0;
    // Ends the mount; with `force` at once, with an error for programs that have files open.
    virtual void stop(bool force) = 0;
    // Returns why the last restart gave the mount back to this process image; empty: it did not.
    virtual std::string refused() const = 0;
    // As process::Restarter::restart().
    virtual Task<std::string> restart() = 0;
    // Applies the options about access times in the list. EINVAL.
    virtual Result<void> set_access_times(const std::string& list) = 0;
    // Returns the names of options in the list that differ from those of the mount.
    virtual std::vector<std::string> changes(const std::string& list) const = 0;
    // As the messages of lib/wire/control.h.
    virtual Task<wire::ScrubState> scrub(std::uint64_t bytes_per_second) = 0;
    virtual Result<wire::ScrubState> scrub_progress() const = 0;
    // As vfs::Filesystem. Returns the names of files.
    virtual Task<std::vector<std::string>> store_written() = 0;
    virtual std::vector<std::string> unstored(std::size_t most) const = 0;
};

class Control final : public rpc::Service<wire::Control> {
public:
    // `mount` must outlive it.
    explicit Control(Controlled& mount) : mount_(mount) {}

    std::unique_ptr<rpc::Handler<wire::Control>> connected(
        rpc::Pusher<wire::Control>& client) override;

private:
    class Conversation;
    Controlled& mount_;
};

}  // namespace flexfs::mount
