#include "roles/mount/control.h"

#include <algorithm>

namespace flexfs::mount {
namespace {

constexpr std::uint32_t unstored_max = 100;

}  // namespace

class Control::Conversation final : public rpc::Serving<Conversation, wire::Control> {
public:
    explicit Conversation(Controlled& mount) : mount_(mount) {}

    Task<wire::StatusText> serve(rpc::Context, wire::Status) {
        co_return wire::StatusText{Buffer::take(to_text(to_json(mount_.status(), wall_now())))};
    }
    Task<wire::Done> serve(rpc::Context, wire::Stop request) {
        mount_.stop(request.force);
        co_return wire::Done{};
    }
    // A client that lost its connection to the previous image repeats its request; the reply is the
    // outcome of that restart.
    Task<wire::Restarted> serve(rpc::Context, wire::Restart request) {
        if (request.restarts != mount_.status().restarts)
            co_return wire::Restarted{mount_.refused()};
        co_return wire::Restarted{co_await mount_.restart()};
    }
    Task<wire::Remounted> serve(rpc::Context, wire::Remount request) {
        co_await mount_.set_access_times(request.options);
        co_return wire::Remounted{mount_.changes(request.others)};
    }
    Task<wire::WrittenStored> serve(rpc::Context, wire::StoreWritten) {
        co_return wire::WrittenStored{co_await mount_.store_written()};
    }
    Task<wire::UnstoredFiles> serve(rpc::Context, wire::Unstored request) {
        co_return wire::UnstoredFiles{mount_.unstored(std::min(request.most, unstored_max))};
    }

    Task<wire::ScrubState> serve(rpc::Context, wire::Scrub request) {
        return mount_.scrub(request.bytes_per_second);
    }
    Task<wire::ScrubState> serve(rpc::Context, wire::ScrubProgress) {
        co_return mount_.scrub_progress();
    }

private:
    Controlled& mount_;
};

std::unique_ptr<rpc::Handler<wire::Control>> Control::connected(rpc::Pusher<wire::Control>&) {
    return std::make_unique<Conversation>(mount_);
}

}  // namespace flexfs::mount
