// What a running mount answers on its unix socket: `flexfs mount status` and `flexfs mount stop`.
#pragma once

#include "lib/wire/messages.h"
#include "lib/wire/table.h"

namespace flexfs::wire {

// Numbers are for ever.
enum class ControlOp : std::uint16_t {
    status = 100,
    stop = 101,
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
// Answered when everything is flushed and the mount point is unmounted. EBUSY: files are open in it
// and `force` is not set.
struct Stop {
    static constexpr ControlOp op = ControlOp::stop;
    using Reply = Done;
    bool force = false;
    FLEXFS_FIELDS(force)
};

struct Control {
    static constexpr std::string_view name = "control";

    using Requests = Operations<Operation<Status, "status", Effect::reads>,
                                Operation<Stop, "stop", Effect::changes>>;

    using Pushes = Messages<>;
};

}  // namespace flexfs::wire
