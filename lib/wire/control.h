// The requests that a running mount answers on its unix socket, for `flexfs mount status`, `stop`
// and `restart`, and for `mount -o remount`.
#pragma once

#include "lib/wire/messages.h"
#include "lib/wire/table.h"

namespace flexfs::wire {

// The numbers never change.
enum class ControlOp : std::uint16_t {
    status = 100,
    stop = 101,
    restart = 102,
    remount = 103,
};

struct StatusText {
    Buffer json;  // one object; its keys are documented with `flexfs mount status --json`
    FLEXFS_FIELDS(json)
};
struct Status {
    static constexpr ControlOp op = ControlOp::status;
    using Reply = StatusText;
    FLEXFS_NO_FIELDS
};
// Acts as SIGTERM: programs that have files open get a moment to close them, unless `force` cuts
// them off. The reply is sent at once.
struct Stop {
    static constexpr ControlOp op = ControlOp::stop;
    using Reply = Done;
    bool force = false;
    FLEXFS_FIELDS(force)
};

// The process that serves the mount after a restart, or after an attempt that failed.
struct Restarted {
    std::string refused;  // why the old process image still serves; empty: a new one serves
    FLEXFS_FIELDS(refused)
};
// Replaces the process image, unless that has already happened: `restarts` is the number of
// replacements that the client knows (see Status). So the request may be repeated, and the new
// image answers the repetition.
struct Restart {
    static constexpr ControlOp op = ControlOp::restart;
    using Reply = Restarted;
    std::uint64_t restarts = 0;
    FLEXFS_FIELDS(restarts)
};

struct Remounted {
    std::vector<std::string> fixed;  // options in `others` that differ from the mount's
    FLEXFS_FIELDS(fixed)
};
// Applies options such as "noatime,nodiratime" about access times. The kernel has applied the other
// options that can change while a mount runs. EINVAL.
struct Remount {
    static constexpr ControlOp op = ControlOp::remount;
    using Reply = Remounted;
    std::string options;
    std::string others;  // the other options that were given
    FLEXFS_FIELDS(options, others)
};

struct Control {
    static constexpr std::string_view name = "control";

    using Requests = Operations<Operation<Status, "status", Effect::reads>,
                                Operation<Stop, "stop", Effect::changes()>,
                                Operation<Restart, "restart", Effect::changes()>,
                                Operation<Remount, "remount", Effect::changes()>>;

    using Pushes = Messages<>;
};

}  // namespace flexfs::wire
