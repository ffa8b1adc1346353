#include "lib/object/measured.h"

#include <doctest/doctest.h>

#include "lib/loop/loop.h"
#include "lib/object/memory_store.h"

namespace flexfs::object {

TEST_CASE("requests are counted by verb and outcome, with their durations") {
    Loop loop;
    metrics::Registry registry;
    Measured store(std::make_unique<MemoryStore>(), registry);

    CHECK(loop.run(store.put("a", {Buffer::copy_of("data")})));
    CHECK(loop.run(store.get("a")));
    CHECK(loop.run(store.get("a", 1, 2)).value().text() == "at");
    CHECK_FALSE(loop.run(store.get("b")));
    CHECK_FALSE(loop.run(store.put_if("a", Buffer::copy_of("new"), "")));
    CHECK(loop.run(store.remove({"a"})));
    const std::string text = registry.prometheus();
    const auto has = [&text](const std::string& line) { return text.contains(line + "\n"); };
    const std::string requests = "flexfs_mount_object_requests_total";
    CHECK(has(requests + R"({verb="get",outcome="ok"} 2)"));
    CHECK(has(requests + R"({verb="get",outcome="missing"} 1)"));
    CHECK(has(requests + R"({verb="put",outcome="exists"} 1)"));
    CHECK(has(requests + R"({verb="delete",outcome="ok"} 1)"));
    CHECK(has(R"(flexfs_mount_object_request_duration_seconds_count{verb="get"} 3)"));
}

}  // namespace flexfs::object
