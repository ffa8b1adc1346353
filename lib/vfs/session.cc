#include "lib/vfs/session.h"

#include <unistd.h>

#include <algorithm>

#include "lib/base/format.h"
#include "lib/base/log.h"

namespace flexfs::vfs {
namespace {

// How often a lease is renewed while it runs.
constexpr std::uint64_t renewals_per_lease = 3;

std::string describe_client() {
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    return fmt::format("{} ({})", host, getpid());
}

}  // namespace

Task<void> Session::open(Connect connect, const HandedOver* from) {
    caller_ = connect(*this);
    if (from) {
        opened_.session = from->session;
        opened_.secret = from->secret;
        attempt_ = from->attempt;
        caller_->go_on_after(from->sequence);
    }
    co_await caller_->start();
    if (opened_.lease_ns == 0) co_return;
    scope_.start(keep_lease());
    scope_.start(watch_lease());
}

Task<void> Session::close() {
    co_await scope_.close();
    auto closed = co_await result(call(wire::CloseSession{}));
    listener_ = nullptr;
    co_await result(caller_->close());
    if (!closed) co_await fail(std::move(closed.error()));
}

Task<void> Session::abandon() {
    co_await scope_.close();
    listener_ = nullptr;
    co_await caller_->close();
}

void Session::hand_over(HandedOver& to) const {
    to.session = opened_.session;
    to.secret = opened_.secret;
    to.attempt = attempt_;
    to.sequence = caller_->last_sequence();
}

Task<wire::Session> Session::open_session(rpc::Caller<wire::Metadata>& caller, Continuity& how) {
    wire::OpenSession request;
    request.client = describe_client();
    request.resume = opened_.session;
    request.secret = opened_.secret;
    request.read_only = read_only_;
    request.squash = squash_;
    request.volume = opened_.volume.id.empty() ? volume_ : opened_.volume.id;
    request.attempt = ++attempt_;
    auto reply = co_await result(caller.call(request));
    // Without a listener the session belongs to an earlier process image and cannot be replaced:
    // what the kernel holds open is known only to that session.
    const bool over = !reply && reply.error().code == ESTALE && request.resume != 0 && listener_;
    if (!over) {
        if (reply && reply->lapsed) how = Continuity::lapsed;
        co_return std::move(reply);
    }
    how = Continuity::replaced;
    request.resume = 0;
    request.secret = {};
    request.attempt = ++attempt_;
    co_return co_await caller.call(std::move(request));
}

Task<void> Session::connected(rpc::Caller<wire::Metadata>& caller) {
    const bool again = opened_.session != 0;
    const Duration asked = loop_.now();
    auto how = Continuity::held;
    wire::Session opened = co_await open_session(caller, how);
    if (opened.secret.empty()) opened.secret = opened_.secret;
    opened_ = std::move(opened);
    if (how == Continuity::replaced) {
        log::warn("the session with the metadata server has ended; session {} replaces it",
                  opened_.session);
        ++replacements_;
        replaced_at_ = caller.last_recorded();
        caller.end_sent_calls(
            {EIO, "the session has ended, and nobody knows whether the request was executed"});
    } else if (how == Continuity::lapsed) {
        log::warn("session {} had lost its lease; it continues without its grants",
                  opened_.session);
    }
    // The connection may break again before the listener has heard of this one.
    unheard_ = std::max(unheard_, how);
    if (again && listener_) {
        // After the end of a session nobody knows.
        const std::uint64_t answered = caller.last_recorded();
        const bool undone = answered > replaced_at_ && opened_.applied < answered;
        if (undone)
            log::error("the metadata server has lost changes that it had answered, in a power cut");
        if (undone || how == Continuity::replaced) listener_->undone();
        const std::vector<Ino> lost = co_await reassert(caller, unheard_);
        listener_->reconnected(unheard_, lost);
    }
    unheard_ = Continuity::held;
    renew(asked);
}

// This is part of the greeting, so that no other request precedes it.
Task<std::vector<Ino>> Session::reassert(rpc::Caller<wire::Metadata>& caller, Continuity how) {
    std::vector<Ino> held, lost;
    if (how == Continuity::held) held = listener_->held();
    std::size_t done = 0;
    do {
        const std::size_t count = std::min(held.size() - done, wire::reassert_max);
        const auto first = held.begin() + std::ptrdiff_t(done);
        done += count;
        wire::Reassert request{.inos = {first, first + std::ptrdiff_t(count)},
                               .complete = done == held.size()};
        const wire::Reasserted reply = co_await caller.call(std::move(request));
        lost.insert(lost.end(), reply.refused.begin(), reply.refused.end());
    } while (done < held.size());
    co_return lost;
}

void Session::renew(Duration asked) {
    lease_end_ = std::max(lease_end_, asked + Duration(opened_.lease_ns));
    if (holds_lease()) renewed_.wake_all();
}

Task<void> Session::keep_lease() {
    for (;;) {
        co_await loop_.sleep(Duration(opened_.lease_ns / renewals_per_lease));
        co_await result(call(wire::Renew{}));
    }
}

Task<void> Session::watch_lease() {
    for (;;) {
        while (holds_lease()) co_await loop_.sleep(lease_end_ - loop_.now());
        log::warn("the metadata server has been unreachable for {} s; requests wait",
                  opened_.lease_ns / 1'000'000'000);
        if (listener_) listener_->lease_ended();
        co_await wait_for_lease();
        log::info("the metadata server is reachable again");
    }
}

void Session::push(wire::Revoke message) {
    if (listener_) listener_->revoked(std::move(message));
}

void Session::push(wire::Recall message) {
    if (listener_) listener_->recalled(message);
}

}  // namespace flexfs::vfs
