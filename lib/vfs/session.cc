#include "lib/vfs/session.h"

#include <unistd.h>

#include "lib/base/format.h"

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

Task<void> Session::open(Connect connect, wire::SessionId resume) {
    opened_.session = resume;
    caller_ = connect(*this);
    co_await caller_->start();
    scope_.start(keep_lease());
}

Task<void> Session::close() {
    co_await scope_.close();
    auto closed = co_await result(call(wire::CloseSession{}));
    listener_ = nullptr;
    co_await result(caller_->close());
    if (!closed) co_await fail(std::move(closed.error()));
}

Task<void> Session::connected(rpc::Caller<wire::Metadata>& caller) {
    wire::OpenSession request;
    request.client = describe_client();
    request.resume = opened_.session;
    request.read_only = read_only_;
    request.squash = squash_;
    const bool again = opened_.session != 0;
    opened_ = co_await caller.call(std::move(request));
    if (again && listener_) listener_->reconnected();
}

Task<void> Session::keep_lease() {
    while (opened_.lease_ns > 0) {
        co_await loop_.sleep(Duration(opened_.lease_ns / renewals_per_lease));
        co_await result(call(wire::Renew{}));
    }
}

void Session::push(wire::Revoke message) {
    if (listener_) listener_->revoked(std::move(message));
}

void Session::push(wire::Recall message) {
    if (listener_) listener_->recalled(message);
}

}  // namespace flexfs::vfs
