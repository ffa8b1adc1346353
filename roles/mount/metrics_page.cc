#include "roles/mount/metrics_page.h"

namespace flexfs::mount {
namespace {

using http::Response;
using http::ServerRequest;

Task<Response> show(const metrics::Registry& metrics) {
    co_return Response{.status = 200,
                       .headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
                       .body = Buffer::take(metrics.prometheus())};
}

Task<Response> health(std::string trouble) {
    if (trouble.empty()) co_return http::plain(200, "ok");
    co_return http::plain(503, std::move(trouble));
}

}  // namespace

void offer(metrics::Registry& metrics, Measurable values) {
    const auto counter = [&](const char* name, const char* help, auto read) {
        metrics.counter_of(name, help, {}, std::move(read));
    };
    const auto gauge = [&](const char* name, const char* help, auto read) {
        metrics.gauge_of(name, help, {}, [read] { return double(read()); });
    };
    const auto files = [&values](auto vfs::State::* what) {
        return [state = values.files, what] { return state().*what; };
    };
    const auto store = [&values](std::uint64_t object::Counters::* what) {
        return [counters = values.store, what] { return counters().*what; };
    };
    counter("flexfs_mount_cache_hits_total", "Pieces of files that were in memory when read.",
            files(&vfs::State::cache_hits));
    counter("flexfs_mount_cache_misses_total",
            "Pieces of files that had to be fetched from the store.",
            files(&vfs::State::cache_misses));
    counter("flexfs_mount_object_get_bytes_total", "Bytes that the store returned.",
            store(&object::Counters::get_bytes));
    counter("flexfs_mount_object_put_bytes_total", "Bytes that the store took.",
            store(&object::Counters::put_bytes));
    gauge("flexfs_mount_dirty_bytes", "Data that is not in the store yet.",
          files(&vfs::State::dirty_bytes));
    gauge("flexfs_mount_dirty_files", "Files with data that is not in the store yet.",
          files(&vfs::State::dirty_files));
    gauge("flexfs_mount_dirty_oldest_seconds", "Age of the oldest data that is not in the store.",
          [state = values.files] { return double(state().dirty_oldest.count()) / 1e9; });
    gauge("flexfs_mount_write_back_trouble", "1 while data cannot be written back.",
          [state = values.files] { return state().trouble.code != 0; });
    gauge("flexfs_mount_open_handles", "Open files and folders.", files(&vfs::State::open_handles));
    gauge("flexfs_mount_cached_inodes", "Inodes whose attributes are in memory.",
          files(&vfs::State::cached_inodes));
    gauge("flexfs_mount_memory_used_bytes", "Memory of caches, buffers and unstored data.",
          values.memory_used);
    gauge("flexfs_mount_memory_budget_bytes", "The limit of all memory (--memCapacity).",
          [budget = values.memory_budget] { return budget; });
}

Result<std::unique_ptr<http::Server>> metrics_page(Loop& loop, const std::string& address,
                                                   const metrics::Registry& metrics,
                                                   std::function<std::string()> unhealthy) {
    http::Routes routes;
    routes.add("GET", "/metrics", [&metrics](const ServerRequest&) { return show(metrics); });
    routes.add("GET", "/healthz", [unhealthy = std::move(unhealthy)](const ServerRequest&) {
        return health(unhealthy());
    });
    return http::Server::listen(
        loop, address,
        [routes = std::make_shared<const http::Routes>(std::move(routes))](ServerRequest request) {
            return routes->answer(std::move(request));
        });
}

}  // namespace flexfs::mount
