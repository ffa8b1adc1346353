#include "lib/object/retrying.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "lib/base/text.h"
#include "lib/loop/pool.h"
#include "lib/object/faulty.h"
#include "lib/object/memory_store.h"
#include "lib/task/sync.h"

namespace flexfs::object {
namespace {

using namespace std::chrono_literals;

std::vector<Buffer> some_bytes() {
    return {Buffer::copy_of(std::string(1000, 'x'))};
}

// A policy with negligible pauses.
RetryPolicy quick() {
    return {.pause_min = 1us,
            .pause_max = 2us,
            .get_timeout = 2ms,
            .put_timeout = 2ms,
            .other_timeout = 2ms};
}

struct Setup {
    explicit Setup(Faults faults, RetryPolicy policy = quick()) {
        auto made = std::make_unique<Faulty>(loop, std::make_unique<MemoryStore>(), faults);
        faulty = made.get();
        store = std::make_unique<Retrying>(loop, std::move(made), policy);
    }
    ~Setup() { CHECK(loop.run(store->close())); }

    Loop loop;
    Faulty* faulty;
    std::unique_ptr<Retrying> store;
};

}  // namespace

TEST_CASE("requests that fail now and then succeed") {
    Setup on({.errors = 0.3, .truncate = 0.3});
    for (int i = 0; i < 100; ++i) {
        const std::string key = std::to_string(i);
        REQUIRE(on.loop.run(on.store->put(key, some_bytes())));
        REQUIRE(on.loop.run(on.store->get(key, 10, 700))->size() == 700);
        const auto ranges = on.loop.run(on.store->get_ranges(key, {{10, 100}, {500, 500}}));
        REQUIRE((*ranges)[0].size() == 100);
        REQUIRE((*ranges)[1].size() == 500);
        REQUIRE(on.loop.run(on.store->get(key))->size() == 1000);
        REQUIRE(on.loop.run(on.store->size(key)) == 1000);
    }
    CHECK(on.store->counters().puts > 120);
}

TEST_CASE("a store that always fails is EIO after the bound of tries, naming request and reason") {
    RetryPolicy policy = quick();
    policy.tries_max = 5;
    Setup on({.errors = 1}, policy);

    const auto put = on.loop.run(on.store->put("v/1", some_bytes()));
    REQUIRE(!put);
    CHECK(put.error().code == EIO);
    CHECK(put.error().context.find("put v/1: gave up after 5 tries") == 0);
    CHECK(put.error().context.find("injected fault") != std::string::npos);
    CHECK(on.store->counters().puts == 5);
}

TEST_CASE("no further try begins after the bound of time") {
    RetryPolicy policy = quick();
    policy.time_max = Duration::zero();
    Setup on({.errors = 1}, policy);

    CHECK(code_of(on.loop.run(on.store->size("v/1"))) == EIO);
    CHECK(on.store->counters().gets == 1);
}

TEST_CASE("a store that has never answered is given up sooner") {
    RetryPolicy policy = quick();
    policy.tries_max = 5;
    policy.first_time_max = Duration::zero();
    policy.get_timeout = policy.put_timeout = policy.other_timeout = 1h;
    Setup on({.errors = 1}, policy);
    CHECK(code_of(on.loop.run(on.store->size("v/1"))) == EIO);
    CHECK(on.store->counters().gets == 1);

    on.faulty->set({});
    CHECK(code_of(on.loop.run(on.store->size("v/1"))) == ENOENT);
    on.faulty->set({.errors = 1});
    CHECK(code_of(on.loop.run(on.store->size("v/1"))) == EIO);
    CHECK(on.store->counters().gets == 1 + 1 + 5);
}

TEST_CASE("answers are not asked for again") {
    Setup on({});
    CHECK(code_of(on.loop.run(on.store->get("none"))) == ENOENT);
    REQUIRE(on.loop.run(on.store->put("a", some_bytes())));
    CHECK(code_of(on.loop.run(on.store->get("a", 0, 1001))) == ERANGE);
    CHECK(code_of(on.loop.run(on.store->get("../a", 0, 1))) == EINVAL);
    CHECK(on.store->counters().gets == 3);
}

TEST_CASE("a stalled request is abandoned and repeated") {
    Setup on({.stall = 0.5, .seed = 5});
    for (int i = 0; i < 10; ++i)
        REQUIRE(on.loop.run(on.store->put(std::to_string(i), some_bytes())));
    CHECK(on.store->counters().puts > 10);
}

TEST_CASE("a request that cannot be stopped is left behind, and closing waits for it") {
    // Its requests ignore a stop and wait until they are released.
    struct Stubborn final : Store {
        task::WaitList held;
        int begun = 0, ended = 0;
        Task<void> put(std::string, std::vector<Buffer>) override {
            if (++begun == 1) co_await held.wait_shielded();
            ++ended;
        }
        Task<Buffer> get(std::string, std::uint64_t, std::size_t) override { co_return Buffer{}; }
        Task<Buffer> get(std::string) override { co_return Buffer{}; }
        Task<std::uint64_t> size(std::string) override { co_return 0; }
        Task<void> remove(std::vector<std::string>) override { co_return; }
        Task<Page> list(std::string, std::string, std::size_t) override { co_return Page{}; }
        Task<Space> space() override { co_return Space{}; }
        Counters counters() const override { return {}; }
        std::string describe() const override { return "stubborn"; }
    };
    Loop loop;
    auto inner = std::make_unique<Stubborn>();
    Stubborn& stubborn = *inner;
    Retrying store(loop, std::move(inner), quick());
    auto main = [](Loop& on, Retrying& asked, Stubborn& asking) -> Task<void> {
        co_await asked.put("a", some_bytes());
        check(asking.begun == 2 && asking.ended == 1);
        Scope scope;
        scope.start(asked.close());
        co_await offload(on,
                         []() -> Result<void> { return {}; });  // runs every task that can proceed
        check(scope.running() == 1);
        asking.held.wake_all();
        co_await scope.join();
    };

    CHECK(loop.run(main(loop, store, stubborn)));
    CHECK(stubborn.ended == 2);
}

TEST_CASE("a stopped task does not wait for its request") {
    Setup on({.stall = 1}, {});
    auto main = [](Store& store) -> Task<void> {
        Scope scope;
        scope.start(store.put("a", some_bytes()));
        co_await scope.close();
    };

    CHECK(on.loop.run(main(*on.store)));
}

}  // namespace flexfs::object
