#include "roles/mount/metrics_page.h"

#include <doctest/doctest.h>

#include "lib/http/client.h"

namespace flexfs::mount {
namespace {

struct Page {
    Loop loop;
    metrics::Registry metrics;
    std::string trouble;
    std::unique_ptr<http::Server> server =
        *metrics_page(loop, "127.0.0.1:0", metrics, [this] { return trouble; });
    http::Client client{loop, {.direct = true}};

    ~Page() {
        CHECK(loop.run(client.close()));
        CHECK(loop.run(server->close()));
    }
    http::Response get(const std::string& path) {
        return loop.run(client.send({.url = "http://" + server->address() + path})).value();
    }
};

}  // namespace

TEST_CASE("/metrics shows what is measured at that moment") {
    Page page;
    vfs::State state;
    offer(page.metrics, {.files = [&state] { return state; },
                         .store = [] { return object::Counters{.get_bytes = 7}; },
                         .memory_used = [] { return 1000; },
                         .memory_budget = 2000});
    state.dirty_bytes = 4096;
    state.dirty_oldest = std::chrono::milliseconds(1500);

    const http::Response response = page.get("/metrics");
    CHECK(response.status == 200);
    CHECK(response.headers.find("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
    const std::string_view text = response.body.text();
    for (const char* line :
         {"flexfs_mount_dirty_bytes 4096\n", "flexfs_mount_dirty_oldest_seconds 1.5\n",
          "flexfs_mount_object_get_bytes_total 7\n", "flexfs_mount_memory_used_bytes 1000\n",
          "flexfs_mount_memory_budget_bytes 2000\n", "flexfs_mount_write_back_trouble 0\n"}) {
        CAPTURE(line);
        CHECK(text.contains(line));
    }
    state.trouble.code = EIO;
    CHECK(page.get("/metrics").body.text().contains("flexfs_mount_write_back_trouble 1\n"));
}

TEST_CASE("/healthz is 503 with a sentence while something is wrong") {
    Page page;

    CHECK(page.get("/healthz").status == 200);
    page.trouble = "the mount is stopping";
    CHECK(page.get("/healthz").status == 503);
    CHECK(page.get("/healthz").body.text() == "the mount is stopping\n");
    CHECK(page.get("/").status == 404);
}

}  // namespace flexfs::mount
