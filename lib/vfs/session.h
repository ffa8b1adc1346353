// The conversation with the metadata service: the session, its lease, and what the service pushes.
#pragma once

#include <algorithm>
#include <memory>

#include "lib/rpc/caller.h"
#include "lib/task/scope.h"
#include "lib/vfs/vfs.h"

namespace flexfs::vfs {

// The state of a session after a reconnect.
enum class Continuity {
    held,      // grants are kept, except shared ones: Revokes may have been lost
    lapsed,    // all grants are lost; unanswered requests are still executed once
    replaced,  // a new session is open; the outcome of unanswered requests is unknown
};

class Session final : public rpc::Client<wire::Metadata> {
public:
    // Receives pushes, and learns of everything that invalidates cached state.
    class Listener {
    public:
        virtual ~Listener() = default;
        virtual void revoked(wire::Revoke what) = 0;
        virtual void recalled(wire::Recall what) = 0;
        // Returns the inodes on which the exclusive grant is held.
        virtual std::vector<Ino> held() = 0;
        // There is a new connection. `lost` are those inodes of held() that are no longer held.
        virtual void reconnected(Continuity how, const std::vector<Ino>& lost) = 0;
        // Changes that the service had answered may be undone, if they were not synced. Called
        // before reconnected().
        virtual void undone() = 0;
        // The service was not reached for the duration of the lease: other clients may change
        // everything.
        virtual void lease_ended() = 0;
    };

    Session(Loop& loop, bool read_only, const wire::Squash& squash, std::string volume = {})
        : loop_(loop), read_only_(read_only), squash_(squash), volume_(std::move(volume)) {}

    // Opens a session, or continues the one that another process image left. ENOENT: the volume is
    // not served there. ESTALE: the session to continue has ended.
    Task<void> open(Connect connect, const HandedOver* from = nullptr);
    // Ends the session; afterwards nothing may be called.
    Task<void> close();
    // Leaves the session open for the next process image.
    Task<void> abandon();
    void listen(Listener* listener) { listener_ = listener; }

    wire::SessionId id() const { return opened_.session; }
    const wire::VolumeInfo& volume() const { return opened_.volume; }
    bool read_only() const { return read_only_ || opened_.read_only; }
    void hand_over(HandedOver& to) const;
    // Counts the sessions that replaced one which had ended.
    std::uint64_t replacements() const { return replacements_; }

    // Zero: the session has no lease, because the service is in this process.
    Duration lease() const { return Duration(opened_.lease_ns); }
    // Whether grants may still be relied on.
    bool holds_lease() const { return opened_.lease_ns == 0 || loop_.now() < lease_end_; }
    // For how long they may be relied on. The session has a lease.
    Duration lease_left() const { return std::max(lease_end_ - loop_.now(), Duration::zero()); }
    // Waits until holds_lease() is true.
    Task<void> wait_for_lease() {
        while (!holds_lease()) co_await renewed_.wait();
    }

    template <class R>
    Task<typename R::Reply> call(R request) {
        if (opened_.lease_ns == 0) return caller_->call(std::move(request));
        return leased_call(std::move(request));
    }

    Task<void> connected(rpc::Caller<wire::Metadata>& caller) override;
    void push(wire::Revoke message) override;
    void push(wire::Recall message) override;

private:
    // Every answer renews the lease, counted from when its request was sent.
    template <class R>
    Task<typename R::Reply> leased_call(R request) {
        const Duration asked = loop_.now();
        auto reply = co_await result(caller_->call(std::move(request)));
        if (reply) renew(asked);
        co_return std::move(reply);
    }
    Task<wire::Session> open_session(rpc::Caller<wire::Metadata>& caller, Continuity& how);
    Task<std::vector<Ino>> reassert(rpc::Caller<wire::Metadata>& caller, Continuity how);
    void renew(Duration asked);
    Task<void> keep_lease();
    Task<void> watch_lease();

    Loop& loop_;
    bool read_only_;
    wire::Squash squash_;
    std::string volume_;
    wire::Session opened_;
    std::uint64_t attempt_ = 0;
    std::uint64_t replacements_ = 0;
    std::uint64_t replaced_at_ = 0;          // the last recorded request of earlier sessions
    Continuity unheard_ = Continuity::held;  // the worst that the listener has not heard of
    Duration lease_end_{};                   // by the loop's clock
    task::WaitList renewed_;
    Listener* listener_ = nullptr;
    std::unique_ptr<rpc::Caller<wire::Metadata>> caller_;
    Scope scope_;
};

}  // namespace flexfs::vfs
