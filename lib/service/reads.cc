// Requests that change nothing in the volume.
#include <sys/stat.h>

#include <algorithm>

#include "lib/service/conversation.h"

namespace flexfs::service {
namespace {

// These limit how long one reply occupies the loop.
constexpr std::uint32_t listing_max = 4096;
constexpr std::uint32_t extents_max = 16384;

}  // namespace

Task<wire::Entry> Conversation::serve(rpc::Context, wire::Lookup request) {
    Session* me = co_await session();
    // For a client in this process a second request costs less than reading data that it may not
    // want.
    const bool with_data = !me->is_local();
    Grants::Turn turn;
    Ino settled = 0;
    for (;;) {
        parts_.grants.share_names(request.parent, *me);  // whether it is found or not
        wire::Entry entry = co_await checked("lookup", parts_.volume.read(request, with_data));
        const Ino ino = entry.attr.ino;
        if (ino != settled && parts_.grants.in_the_way(ino, *me)) {
            turn = Grants::Turn();
            turn = co_await parts_.grants.settle(ino, me->id, Grant::shared);
            settled = ino;  // unless the name refers to another inode by now
            continue;
        }
        entry.grant = parts_.grants.share(ino, *me);
        co_return entry;
    }
}

Task<wire::Entry> Conversation::read_settled(Session& me, wire::GetAttr request, bool with_data) {
    Grants::Turn turn;
    if (parts_.grants.in_the_way(request.ino, me))
        turn = co_await parts_.grants.settle(request.ino, me.id, Grant::shared);
    wire::Entry entry = co_await checked("getattr", parts_.volume.read(request, with_data));
    entry.grant = parts_.grants.share(request.ino, me);
    co_return entry;
}

// Reads the inode that a name referred to when it was changed. While this waits, the name may be
// given to another inode, and the session may be notified of that before the reply; the reply then
// gives no grant.
Task<wire::Entry> Conversation::read_named(Session& me, Ino ino, bool with_data) {
    const std::uint64_t pushed = me.pushed;
    wire::Entry entry = co_await read_settled(me, {ino}, with_data);
    if (me.pushed != pushed) entry.grant = Grant::none;
    co_return entry;
}

Task<wire::Entry> Conversation::serve(rpc::Context, wire::GetAttr request) {
    Session* me = co_await session();
    const bool with_data = !me->is_local();
    if (parts_.grants.in_the_way(request.ino, *me))
        co_return co_await read_settled(*me, request, with_data);
    wire::Entry entry = co_await checked("getattr", parts_.volume.read(request, with_data));
    entry.grant = parts_.grants.share(request.ino, *me);
    co_return entry;
}

Task<wire::Entry> Conversation::serve(rpc::Context, wire::Open request) {
    Session* me = co_await session();
    if (request.want == Grant::exclusive) co_return co_await open_exclusive(*me, request.ino);
    co_return co_await read_settled(*me, {request.ino}, true);
}

Task<wire::Entry> Conversation::open_exclusive(Session& me, Ino ino) {
    Grants& grants = parts_.grants;
    const wire::GetAttr request{ino};
    const bool taken = grants.taken(ino, me);
    if (grants.recalled(ino, me)) {
        // The session's answer to the Recall is on its way and would return a grant given now. The
        // request must not wait either, because other requests wait for that answer and must not
        // wait for this one.
        wire::Entry entry = co_await checked("open", parts_.volume.read(request, true));
        entry.grant = Grant::none;
        co_return entry;
    }
    Grants::Turn turn;
    if (!grants.alone()) {
        turn = co_await grants.settle(ino, me.id, Grant::none);
        // Changes that other sessions sent earlier are applied first: the holder must start from
        // their result.
        if (!parts_.batch.empty()) co_await parts_.batch.applied();
        co_await session();
    }
    wire::Entry entry = co_await checked("open", parts_.volume.read(request, true));
    entry.grant =
        S_ISREG(entry.attr.mode) ? grants.give_exclusive(ino, me, taken) : grants.share(ino, me);
    co_return entry;
}

Task<wire::ExtentList> Conversation::serve(rpc::Context, wire::Extents request) {
    Session* me = co_await session();
    Grants::Turn turn;
    if (parts_.grants.in_the_way(request.ino, *me))
        turn = co_await parts_.grants.settle(request.ino, me->id, Grant::shared);
    request.limit = std::min(request.limit, extents_max);
    wire::ExtentList list = co_await checked("extents", parts_.volume.read(request));
    list.grant = parts_.grants.share(request.ino, *me);
    co_return list;
}

Task<wire::Listing> Conversation::serve(rpc::Context, wire::ReadDir request) {
    Session* me = co_await session();
    request.limit = std::clamp<std::uint32_t>(request.limit, 1, listing_max);
    wire::Listing listing = co_await checked("readdir", parts_.volume.read(request));
    parts_.grants.share_names(request.ino, *me);
    listing.grant = Grant::shared;
    if (request.plus && !(me->blanket && parts_.grants.alone())) share_listing(*me, listing);
    co_return listing;
}

// Recalling the grant of every file that is being written would make `ls` wait for all of their
// data. A client that needs the size of such a file asks for it.
void Conversation::share_listing(Session& me, wire::Listing& listing) {
    for (wire::DirEntry& entry : listing.entries) {
        const bool known = !parts_.grants.in_the_way(entry.ino, me) &&
                           parts_.grants.share(entry.ino, me) != Grant::none;
        if (!known) entry.attr = {};
    }
}

Task<wire::Target> Conversation::serve(rpc::Context, wire::ReadLink request) {
    Session* me = co_await session();
    parts_.grants.share(request.ino, *me);
    co_return co_await checked("readlink", parts_.volume.read(request));
}

Task<wire::Done> Conversation::serve(rpc::Context, wire::Access request) {
    Session* me = co_await session();
    co_return co_await checked("access", parts_.volume.read(request, me->id));
}

Task<wire::Value> Conversation::serve(rpc::Context, wire::GetXattr request) {
    Session* me = co_await session();
    parts_.grants.share(request.ino, *me);
    co_return co_await checked("getxattr", parts_.volume.read(request));
}

Task<wire::Names> Conversation::serve(rpc::Context, wire::ListXattr request) {
    Session* me = co_await session();
    parts_.grants.share(request.ino, *me);
    co_return co_await checked("listxattr", parts_.volume.read(request));
}

Task<wire::Statistics> Conversation::serve(rpc::Context, wire::StatFs request) {
    co_await session();
    co_return co_await checked("statfs", parts_.volume.read(request));
}

Task<wire::Done> Conversation::serve(rpc::Context, wire::Sync) {
    co_await session();
    co_await parts_.log.sync();
    co_return wire::Done{};
}

}  // namespace flexfs::service
