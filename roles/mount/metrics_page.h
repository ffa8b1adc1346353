// The metrics of a mount, and the HTTP server that shows them.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "lib/http/server.h"
#include "lib/metrics/registry.h"
#include "lib/object/store.h"
#include "lib/vfs/vfs.h"

namespace flexfs::mount {

// Values that are kept elsewhere, read when somebody asks for the metrics.
struct Measurable {
    std::function<vfs::State()> files;
    std::function<object::Counters()> store;
    std::function<std::uint64_t()> memory_used;
    std::uint64_t memory_budget = 0;
};

// Adds the metrics of a mount to the registry; those of FUSE operations and of requests to the
// store are added by the parts that measure them.
void offer(metrics::Registry& metrics, Measurable values);

// Serves /metrics, and /healthz, which has status 503 if `unhealthy` returns a sentence. Errors as
// http::Server::listen(). What is passed must outlive the server.
Result<std::unique_ptr<http::Server>> metrics_page(Loop& loop, const std::string& address,
                                                   const metrics::Registry& metrics,
                                                   std::function<std::string()> unhealthy);

}  // namespace flexfs::mount
