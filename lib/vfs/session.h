// The conversation with the metadata service: the session, its lease, and what the service pushes.
#pragma once

#include <memory>

#include "lib/rpc/caller.h"
#include "lib/task/scope.h"
#include "lib/vfs/vfs.h"

namespace flexfs::vfs {

class Session final : public rpc::Client<wire::Metadata> {
public:
    // Who is told of pushes, and of a connection that was made anew: what was known under a grant
    // may have changed unnoticed meanwhile.
    class Listener {
    public:
        virtual ~Listener() = default;
        virtual void revoked(wire::Revoke what) = 0;
        virtual void recalled(wire::Recall what) = 0;
        virtual void reconnected() = 0;
    };

    Session(Loop& loop, bool read_only, const wire::Squash& squash)
        : loop_(loop), read_only_(read_only), squash_(squash) {}

    // Opens a session, or goes on with that one.
    Task<void> open(Connect connect, wire::SessionId resume = 0);
    // Ends the session; nothing may be called any more.
    Task<void> close();
    void listen(Listener* listener) { listener_ = listener; }

    wire::SessionId id() const { return opened_.session; }
    const wire::VolumeInfo& volume() const { return opened_.volume; }
    bool read_only() const { return read_only_ || opened_.read_only; }

    template <class R>
    Task<typename R::Reply> call(R request) {
        return caller_->call(std::move(request));
    }

    Task<void> connected(rpc::Caller<wire::Metadata>& caller) override;
    void push(wire::Revoke message) override;
    void push(wire::Recall message) override;

private:
    Task<void> keep_lease();

    Loop& loop_;
    bool read_only_;
    wire::Squash squash_;
    wire::Session opened_;
    Listener* listener_ = nullptr;
    std::unique_ptr<rpc::Caller<wire::Metadata>> caller_;
    Scope scope_;
};

}  // namespace flexfs::vfs
