// Serves one client's requests. Reads are answered from the volume as it is between two records, at
// once unless another session's exclusive grant has to be recalled first. Changes wait for the end
// of the turn, when all changes that arrived since the last one are appended to the log.
//
// Replies and pushes must reach the client in the order in which the changes happened. A reply
// leaves when its handler ends. Therefore a handler registers the grants that its reply gives, and
// pushes its change to other clients, in the same step in which it ends. A handler that has to wait
// after that (for a sync) compares Session::pushed before and after, and withdraws the grant from
// its reply if a push was sent meanwhile.
#pragma once

#include <memory>

#include "lib/service/parts.h"

namespace flexfs::service {

class Conversation final : public rpc::Serving<Conversation, wire::Metadata> {
public:
    Conversation(Service::Parts& parts, Pusher& client) : parts_(parts), client_(client) {}
    ~Conversation() override;
    bool admitted() const override { return session_ != nullptr; }

    Task<wire::Session> serve(rpc::Context context, wire::OpenSession request);
    Task<wire::Done> serve(rpc::Context context, wire::CloseSession request);
    Task<wire::Done> serve(rpc::Context context, wire::Renew request);
    Task<wire::Reasserted> serve(rpc::Context context, wire::Reassert request);
    Task<wire::Done> serve(rpc::Context context, wire::ReturnGrant request);
    Task<wire::Done> serve(rpc::Context context, wire::Sync request);

    Task<wire::Entry> serve(rpc::Context context, wire::Lookup request);
    Task<wire::Entry> serve(rpc::Context context, wire::GetAttr request);
    Task<wire::Entry> serve(rpc::Context context, wire::Open request);
    Task<wire::ExtentList> serve(rpc::Context context, wire::Extents request);
    Task<wire::Listing> serve(rpc::Context context, wire::ReadDir request);
    Task<wire::Target> serve(rpc::Context context, wire::ReadLink request);
    Task<wire::Done> serve(rpc::Context context, wire::Access request);
    Task<wire::Value> serve(rpc::Context context, wire::GetXattr request);
    Task<wire::Names> serve(rpc::Context context, wire::ListXattr request);
    Task<wire::Statistics> serve(rpc::Context context, wire::StatFs request);

    Task<wire::Entry> serve(rpc::Context context, wire::Make request);
    Task<wire::Entry> serve(rpc::Context context, wire::SetAttr request);
    Task<wire::Entry> serve(rpc::Context context, wire::Link request);
    Task<wire::RangeDone> serve(rpc::Context context, wire::Allocate request);
    Task<wire::RangeDone> serve(rpc::Context context, wire::CopyRange request);
    // Serves all other changes; their replies give no grant.
    template <class R>
    Task<typename R::Reply> serve(rpc::Context context, R request);

private:
    // Logs faults of the metadata (EIO); other errors are answers and pass through.
    template <class T>
    static Result<T> checked(std::string_view doing, Result<T> done) {
        if (!done && done.error().code == EIO) complain(doing, done.error());
        return done;
    }
    static void complain(std::string_view doing, const Error& error);

    // Returns the open session. ESTALE: the client has no session, the session has ended, or
    // another connection has taken it over.
    Result<Session*> session();
    Result<void> check_volume(const std::string& asked) const;
    Result<Buffer> seal(wire::OpenSession& request) const;
    Result<void> resume(SessionId id, std::uint64_t attempt, bool& lapsed);
    // Adds the change to the batch. ESTALE as in session(), EMSGSIZE as Batch::add().
    Result<void> submit(Batch::Ticket& ticket, const Session& session, rpc::Context context,
                        meta::Request request);
    // Returns the reply to an applied change and announces the change to the other clients.
    template <class Reply>
    Result<Reply> outcome(Session& session, Batch::Ticket& ticket);
    // Waits until the changes that the reply reports are on disk.
    template <class Reply>
    Task<void> make_durable(Session& session, Reply& reply);

    // Reads a file for the session, even if another session holds an exclusive grant on it.
    Task<wire::Entry> read_named(Session& session, Ino ino, bool with_data);
    Task<wire::Entry> read_settled(Session& session, wire::GetAttr request, bool with_data);
    // Changes a range of a file, once no other session holds the file exclusively.
    template <class R>
    Task<wire::RangeDone> change_range(Session& session, rpc::Context context, R request);
    Task<wire::Entry> open_exclusive(Session& session, Ino ino);
    void share_listing(Session& session, wire::Listing& listing);

    Service::Parts& parts_;
    Pusher& client_;
    std::shared_ptr<Session> session_;  // set once
};

}  // namespace flexfs::service
