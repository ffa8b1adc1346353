// Serves the filesystem to the kernel: each request becomes one coroutine over the vfs, and exactly
// one reply.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <unordered_map>

#include "lib/fuse/access_log.h"
#include "lib/fuse/answer.h"
#include "lib/fuse/channel.h"
#include "lib/fuse/direct_writes.h"
#include "lib/fuse/disarmed.h"
#include "lib/fuse/mapped_files.h"
#include "lib/fuse/notifier.h"
#include "lib/fuse/request.h"
#include "lib/metrics/registry.h"
#include "lib/task/scope.h"
#include "lib/task/sync.h"
#include "lib/vfs/vfs.h"
#include "lib/wire/fields.h"

namespace flexfs::fuse {

struct Operation;

// The agreement with the kernel, made when the filesystem was mounted. It is valid until the end of
// the mount, also in another image of the process (fields are only appended, because that may be
// another build).
struct Negotiated {
    std::uint32_t minor = 0;
    std::uint64_t features = 0;
    std::uint32_t data_bytes_max = 0;
    FLEXFS_FIELDS(minor, features, data_bytes_max)
};
// EPROTO, with a sentence: this build does not support it.
Result<void> check_negotiated(const Negotiated& agreed);

struct ServerOptions {
    View view{std::chrono::hours(1), std::chrono::hours(1)};
    bool xattrs = true;               // false: the filesystem appears to have none
    bool acls = true;                 // false: they are neither enforced nor shown
    wire::Squash squash;              // with it nothing may be cached: see View
    std::size_t large_requests = 16;  // unanswered at a time, of a megabyte each
    AccessLog* access_log = nullptr;  // must outlive the server
    // Set for a mount that is taken over: it is initialised already, and begins paused.
    std::optional<Negotiated> taken_over = {};
};

class Server {
public:
    // Answers requests from `descriptor`, which it takes over, on `loop`. `client` reports changes
    // to `notifier`. Records the duration of requests in `metrics`, by operation.
    Server(Loop& loop, int descriptor, vfs::Filesystem& client, Notifier& notifier,
           metrics::Registry& metrics, ServerOptions options);
    ~Server();

    // Ends with the first request answered after which the mount point works. EPROTO: the kernel is
    // too old.
    Task<void> ready();
    // Ends when the kernel has taken the filesystem down, by umount or a forced abort.
    Task<void> ended();
    // Has the same effect as the kernel taking the filesystem down.
    void abort();
    // Leaves further requests with the kernel until go_on(), also if this is cancelled; ends when
    // those in progress are answered.
    Task<void> pause();
    void go_on() { channel_.pause(false); }
    const Negotiated& negotiated() const { return negotiated_; }
    // Stops serving: requests in progress end with EINTR, further ones with ENOTCONN.
    Task<void> close();

    // The operations use these parts.
    vfs::Filesystem& client() { return client_; }
    Notifier& notifier() { return notifier_; }
    DirectWrites& direct_writes() { return direct_writes_; }
    MappedFiles& mapped_files() { return mapped_files_; }
    Disarmed& disarmed() { return disarmed_; }
    // The kernel must ask again before the lease of the client's session ends: it would go on
    // answering from its caches even if this process could not tell it to drop them.
    View view() const;
    bool acls() const { return options_.acls; }
    const wire::Squash& squash() const { return options_.squash; }
    // Ends when the kernel has dropped its pages of the range, and has written back those that were
    // written through mappings; a length of 0 means up to the end. For a write that is done but not
    // answered, and for requests that need no buffer.
    Task<void> drop_pages(const Request& request, std::uint64_t offset, std::uint64_t length);

private:
    struct Running;

    void receive(Request request);
    Result<Answer> init(const Request& request);
    void interrupt(std::uint64_t unique);
    // Returns null for an operation that is treated as unknown.
    const Operation* offered(std::uint32_t opcode) const;
    static Task<void> serve(Server& server, Request request, std::unique_ptr<Running> running);

    Task<void> end_if_waiting(std::uint64_t unique);

    Loop& loop_;
    ServerOptions options_;
    vfs::Filesystem& client_;
    Channel channel_;
    Notifier& notifier_;
    DirectWrites direct_writes_;
    MappedFiles mapped_files_;
    Disarmed disarmed_;
    bool ending_ = false;   // requests are refused
    task::Mutex dropping_;  // one at a time: reads need the threads of the pool
    Scope scope_;
    Scope interrupts_;
    std::array<metrics::Histogram*, opcodes> durations_{};
    std::unordered_map<std::uint64_t, Running*> waiting_;  // requests that did not finish at once
    task::Event ready_;
    task::Event ended_;
    Result<void> greeting_;
    Negotiated negotiated_;
    std::unique_ptr<Loop::Registration> watching_;
    std::unique_ptr<Loop::Registration> at_turn_end_;
};

}  // namespace flexfs::fuse
