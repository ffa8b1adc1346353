// The requests that a running mount answers on its unix socket, for `flexfs mount status`, `stop`,
// `restart` and `sync`, and for `mount -o remount`.
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
    store_written = 104,
    unstored = 105,
    scrub = 110,
    scrub_progress = 111,
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

// A range of a file that cannot be read.
struct Damage {
    std::string path;  // empty: the file has no name any longer
    Ino ino = 0;
    std::uint64_t offset = 0, bytes = 0;  // in the file
    std::string object;                   // its key in the store
    std::string why;
    FLEXFS_FIELDS(path, ino, offset, bytes, object, why)
};
// How far a scrub is, and what it has found.
struct ScrubState {
    std::uint64_t segments = 0, segments_total = 0;
    std::uint64_t bytes = 0, bytes_total = 0;  // of segments
    std::uint64_t frames = 0;                  // that were verified
    std::uint64_t damaged = 0;                 // ranges of files
    std::vector<Damage> found;                 // the first of these
    FLEXFS_FIELDS(segments, segments_total, bytes, bytes_total, frames, damaged, found)
};
// Reads everything that the volume's files have in the store; the reply comes at the end. EBUSY:
// another scrub is running; EOPNOTSUPP: the volume's metadata is served elsewhere.
struct Scrub {
    static constexpr ControlOp op = ControlOp::scrub;
    using Reply = ScrubState;
    std::uint64_t bytes_per_second = 0;  // 0: no limit
    FLEXFS_FIELDS(bytes_per_second)
};
// ENOENT: no scrub is running.
struct ScrubProgress {
    static constexpr ControlOp op = ControlOp::scrub_progress;
    using Reply = ScrubState;  // without `found`
    FLEXFS_NO_FIELDS
};

struct WrittenStored {
    std::vector<std::string> lost;  // names of files of which data is lost instead
    FLEXFS_FIELDS(lost)
};
// Stores, durably, everything that was written before; the reply comes when that is done. Data that
// cannot be written back is retried until the request is cancelled.
struct StoreWritten {
    static constexpr ControlOp op = ControlOp::store_written;
    using Reply = WrittenStored;
    FLEXFS_NO_FIELDS
};

struct UnstoredFiles {
    std::vector<std::string> names;  // paths in the volume, for people; the oldest data comes first
    FLEXFS_FIELDS(names)
};
// Lists files with data that is not stored yet, `most` of them at most.
struct Unstored {
    static constexpr ControlOp op = ControlOp::unstored;
    using Reply = UnstoredFiles;
    std::uint32_t most = 0;
    FLEXFS_FIELDS(most)
};

struct Control {
    static constexpr std::string_view name = "control";

    using Requests = Operations<
        Operation<Status, "status", Effect::reads>, Operation<Stop, "stop", Effect::changes()>,
        Operation<Restart, "restart", Effect::changes()>,
        Operation<Remount, "remount", Effect::changes()>,
        Operation<StoreWritten, "store_written", Effect::reads>,
        Operation<Unstored, "unstored", Effect::reads>, Operation<Scrub, "scrub", Effect::reads>,
        Operation<ScrubProgress, "scrub_progress", Effect::reads>>;

    using Pushes = Messages<>;
};

}  // namespace flexfs::wire
