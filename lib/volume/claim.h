// The claim of an embedded volume in a bucket: one process at a time may change the volume. The
// claim is an object that names its holder, who renews it; it is created and replaced with
// conditional puts. A store without them gets the new claim with a plain put, which is read back
// after a while: of two processes that put at the same time, one finds the other's claim.
//
// Two holders are kept apart even if their clocks differ:
// - A holder changes the store only within `fresh` of a renewal that succeeded, and its metadata
//   only within the lease, both by its own monotonic clock.
// - A newcomer takes over if the holder released the claim, or was a process of this machine that
//   is gone; or if the claim is older than its lease and is not renewed while the newcomer watches
//   it; or if the operator says so. Except in the first two cases, it changes nothing before any
//   request of the earlier holder must have ended.
//
// A database must be the one that was used last: the claims that were made with a database are
// remembered beside it, and the present claim must be one of them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/conf/claim.h"
#include "lib/loop/loop.h"
#include "lib/object/gated.h"
#include "lib/task/scope.h"
#include "lib/task/sync.h"

namespace flexfs::volume {

inline constexpr const char* claim_key = "claim";

// Returns when the process started, in clock ticks since the boot: field 22 of proc_pid_stat(5),
// counted behind the name, which may contain anything. 0: there is no such process, or it has ended
// and its parent does not know yet (field 3).
std::uint64_t start_of_process(std::uint64_t pid);

struct ClaimTerms {
    Duration renew = std::chrono::seconds(10);
    Duration fresh = std::chrono::seconds(30);
    Duration lease = std::chrono::minutes(10);
    // The longest that a change of the store, once sent, can take effect.
    Duration request = std::chrono::seconds(65);
    // How long a newcomer watches an old claim, and waits before it reads back a plain put.
    Duration watch = std::chrono::seconds(30);
    Duration settle = std::chrono::seconds(5);
};

class Claim {
public:
    struct Options {
        std::string mount_point;
        std::string made_path;  // the file of conf::ClaimsMade
        bool take_over = false;
        bool fresh = false;  // the volume is being created, so no earlier claim matters
        ClaimTerms terms;
    };

    struct Found {
        conf::Claim claim;
        std::string tag;  // empty: the store has no conditional puts
    };
    // Returns the present claim, if there is one. EINVAL: the object is not a claim.
    static Task<std::optional<Found>> look(object::Store& store);

    // `store`, whose permit is permit(), must outlive the claim.
    Claim(Loop& loop, object::Store& store, Options options);
    ~Claim();  // after close()
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

    // Takes the claim and begins to renew it. EBUSY: another process holds it; the sentence names
    // it. ESTALE: the volume was used with another database since. Also the errors of the store.
    Task<void> take();

    // Whether the object may be changed now. EIO: not before the claim is renewed; ESTALE: lost.
    Result<void> permit(std::string_view key) const;
    // Whether the metadata may be changed now. True of a lost claim: its database counts no more,
    // and what is under way can end.
    bool may_commit() const;
    // Ends when another process has taken the claim, with ESTALE and a sentence that names it.
    Task<void> lost();
    // Stops the renewal, and releases the claim if it still is ours.
    Task<void> close();

private:
    Task<bool> is_over(const Found& found);
    Task<bool> stays_unchanged(const Found& found);
    Task<void> check_database(const std::optional<Found>& found) const;
    // Returns false if another process was faster.
    Task<bool> put(const std::string& tag, bool released);
    Task<bool> put_plainly(const std::string& text);
    Task<void> read_back();
    Task<void> renew();
    Task<void> renew_for_ever();
    void lose(const conf::Claim& to);
    std::unexpected<Error> in_use(const conf::Claim& holder) const;

    Loop& loop_;
    object::Store& store_;
    Options options_;
    conf::Claim mine_;
    conf::Claim earlier_;
    std::string tag_;
    bool plain_ = false;  // the store has no conditional puts
    Duration renewed_{};  // when the last renewal that succeeded began, by the monotonic clock
    bool held_ = false;
    std::optional<Error> lost_;
    task::Event gone_;  // set with lost_
    Scope scope_;
};

}  // namespace flexfs::volume
