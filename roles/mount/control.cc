#include "roles/mount/control.h"

#include <unistd.h>

#include "lib/base/json.h"
#include "roles/mount/option_list.h"

namespace flexfs::mount {

class Control::Conversation final : public rpc::Serving<Conversation, wire::Control> {
public:
    explicit Conversation(Control& control) : control_(control) {}

    Task<wire::StatusText> serve(rpc::Context, wire::Status) {
        co_return wire::StatusText{control_.status()};
    }
    Task<wire::Done> serve(rpc::Context, wire::Stop request) {
        control_.stop_(request.force);
        co_return wire::Done{};
    }
    Task<wire::Restarted> serve(rpc::Context, wire::Restart request) {
        if (request.restarts != control_.restarter_.restarts())
            co_return wire::Restarted{control_.restarter_.refused()};
        co_return wire::Restarted{co_await control_.restarter_.restart()};
    }
    Task<wire::Remounted> serve(rpc::Context, wire::Remount request) {
        MountOptions& options = control_.subjects_.options;
        MountOptions wanted = options;
        co_await apply_option_list(wanted, request.options, false);
        options.access_times = wanted.access_times;
        options.folder_access_times = wanted.folder_access_times;
        control_.subjects_.client.set_access_times(options.access_times,
                                                   options.folder_access_times);
        co_return wire::Remounted{changes(options, request.others)};
    }

private:
    Control& control_;
};

std::unique_ptr<rpc::Handler<wire::Control>> Control::connected(rpc::Pusher<wire::Control>&) {
    return std::make_unique<Conversation>(*this);
}

Buffer Control::status() const {
    const vfs::State state = subjects_.client.state();
    const object::Counters store = subjects_.embedded.store().counters();
    const service::Counters service = subjects_.embedded.service().counters();
    const upkeep::Counters segments = subjects_.embedded.housekeeper().counters();
    const auto& info = subjects_.client.volume();
    Json json;
    json["mount_point"] = subjects_.options.dir;
    json["volume"] = {{"address", subjects_.options.volume}, {"id", info.id}, {"name", info.name}};
    json["pid"] = ::getpid();
    json["version"] = FLEXFS_VERSION;
    json["restarts"] = restarter_.restarts();
    json["leaving"] = restarter_.leaving();
    json["dirty"] = {{"bytes", state.dirty_bytes},
                     {"files", state.dirty_files},
                     {"oldest_s", double(state.dirty_oldest.count()) / 1e9}};
    json["memory"] = {{"budget", subjects_.options.mem_bytes}, {"used", subjects_.budget.used()}};
    json["cache"] = {{"hits", state.cache_hits}, {"misses", state.cache_misses}};
    json["open_handles"] = state.open_handles;
    json["cached_inodes"] = state.cached_inodes;
    json["store"] = {{"requests",
                      {{"get", store.gets},
                       {"put", store.puts},
                       {"delete", store.deletes},
                       {"list", store.lists}}},
                     {"bytes", {{"get", store.get_bytes}, {"put", store.put_bytes}}}};
    json["metadata"] = {{"changes", service.calls},
                        {"transactions", service.batches},
                        {"syncs", service.syncs},
                        {"checkpoints", service.checkpoints},
                        {"segments_deleted", segments.segments_deleted},
                        {"segments_repacked", segments.segments_repacked}};
    json["metrics"] = subjects_.metrics.json();
    return Buffer::take(to_text(json));
}

}  // namespace flexfs::mount
