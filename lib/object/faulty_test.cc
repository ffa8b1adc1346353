#include "lib/object/faulty.h"

#include <doctest/doctest.h>

#include <bit>
#include <cerrno>

#include "lib/object/memory_store.h"
#include "lib/task/scope.h"

namespace flexfs::object {
namespace {

std::vector<Buffer> some_bytes() {
    return {Buffer::copy_of(std::string(1000, 'x'))};
}

}  // namespace

TEST_CASE("errors come as often as asked, some of them after the request was carried out") {
    Loop loop;
    Faulty store(loop, std::make_unique<MemoryStore>(), {.errors = 0.5, .seed = 3});
    int failed = 0, failed_but_done = 0;
    for (int i = 0; i < 400; ++i) {
        const std::string key = std::to_string(i);
        store.set({.errors = 0.5});
        const auto put = loop.run(store.put(key, some_bytes()));
        store.set({});
        if (put) continue;
        CHECK(put.error().code == EIO);
        ++failed;
        failed_but_done += loop.run(store.get(key)).has_value();
    }

    CHECK(failed > 150);
    CHECK(failed < 250);
    CHECK(failed_but_done > failed / 4);
    CHECK(failed_but_done < failed * 3 / 4);
    CHECK(store.counters().puts == 400);
}

TEST_CASE("a truncated get is shorter than asked for") {
    Loop loop;
    Faulty store(loop, std::make_unique<MemoryStore>(), {.truncate = 1});
    REQUIRE(loop.run(store.put("a", some_bytes())));

    CHECK(loop.run(store.get("a", 0, 1000))->size() < 1000);
    CHECK(loop.run(store.get("a"))->size() < 1000);
}

TEST_CASE("a lie is one flipped bit, and not in what is stored") {
    Loop loop;
    Faulty store(loop, std::make_unique<MemoryStore>(), {.lies = 1});
    const Buffer truth = some_bytes().front();
    REQUIRE(loop.run(store.put("a", {truth})));

    for (int i = 0; i < 20; ++i) {
        const Buffer lie = *loop.run(store.get("a"));
        int flipped = 0;
        for (std::size_t at = 0; at < truth.size(); ++at)
            flipped += std::popcount(std::to_integer<unsigned>(lie.data()[at] ^ truth.data()[at]));
        CHECK(flipped == 1);
    }
    store.set({});
    CHECK(*loop.run(store.get("a")) == truth);
}

TEST_CASE("a stalled request ends when it is stopped") {
    Loop loop;
    Faulty store(loop, std::make_unique<MemoryStore>(), {.stall = 1});
    auto main = [](Store& on) -> Task<void> {
        Scope scope;
        scope.start(on.put("a", some_bytes()));
        co_await scope.close();
    };

    CHECK(loop.run(main(store)));
    CHECK(store.counters().puts == 1);
}

TEST_CASE("an answer takes at least the latency") {
    Loop loop;
    Faulty store(loop, std::make_unique<MemoryStore>(), {.latency = std::chrono::milliseconds(3)});
    const Duration began = monotonic_now();

    REQUIRE(loop.run(store.put("a", some_bytes())));
    CHECK(monotonic_now() - began >= std::chrono::milliseconds(3));
}

}  // namespace flexfs::object
