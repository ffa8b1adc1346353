// What a running mount answers on its unix socket: `flexfs mount status`, `stop` and `restart`, and
// `mount -o remount`.
#pragma once

#include "lib/wire/messages.h"
#include "lib/wire/table.h"

namespace flexfs::wire {

// Numbers are for ever.
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
// As SIGTERM: whoever has files open has a moment to close them, unless `force` cuts them off. The
// answer comes at once.
struct Stop {
    static constexpr ControlOp op = ControlOp::stop;
    using Reply = Done;
    bool force = false;
    FLEXFS_FIELDS(force)
};

// Who serves the mount now, after a restart or instead of it.
struct Restarted {
    std::string refused;  // why the process image that was there goes on; empty: a new one serves
    FLEXFS_FIELDS(refused)
};
// Replaces the process image, unless that has happened: `restarts` is how often it had when the
// client asked (Status tells). So the request may be repeated, and is answered by the image that
// serves the mount then.
struct Restart {
    static constexpr ControlOp op = ControlOp::restart;
    using Reply = Restarted;
    std::uint64_t restarts = 0;
    FLEXFS_FIELDS(restarts)
};

struct Remounted {
    std::vector<std::string> fixed;  // names of those of `others` that the mount has otherwise
    FLEXFS_FIELDS(fixed)
};
// Takes over what options such as "noatime,nodiratime" say of access times; all else was changed in
// the kernel, or does not change while a mount runs. EINVAL.
struct Remount {
    static constexpr ControlOp op = ControlOp::remount;
    using Reply = Remounted;
    std::string options;
    std::string others;  // given, too, and nothing that changes
    FLEXFS_FIELDS(options, others)
};

struct Control {
    static constexpr std::string_view name = "control";

    using Requests = Operations<Operation<Status, "status", Effect::reads>,
                                Operation<Stop, "stop", Effect::changes>,
                                Operation<Restart, "restart", Effect::changes>,
                                Operation<Remount, "remount", Effect::changes>>;

    using Pushes = Messages<>;
};

}  // namespace flexfs::wire
