#include "lib/task/sync.h"

#include <doctest/doctest.h>

#include <vector>

#include "lib/task/scope.h"

namespace flexfs::task {

TEST_CASE("a semaphore serves in order: a small request does not overtake a large one") {
    Semaphore units(2);
    Scope scope;
    std::vector<int> order;
    auto take = [](Semaphore& from, std::size_t n, std::vector<int>& seen) -> Task<void> {
        co_await from.acquire(n);
        seen.push_back(int(n));
    };
    scope.start(take(units, 2, order));
    scope.start(take(units, 2, order));
    scope.start(take(units, 1, order));

    units.release(1);
    RunQueue::current().drain();
    CHECK(order == std::vector{2});
    CHECK(!units.try_acquire());
    units.release(1);
    RunQueue::current().drain();
    CHECK(order == std::vector{2, 2});
    units.release(1);
    CHECK(run(scope.join()));
    CHECK(order == std::vector{2, 2, 1});
}

TEST_CASE("a stopped wait for a semaphore lets those behind it go on") {
    Semaphore units(1);
    Scope scope;
    StopSource stop;
    bool got = false;
    auto take = [](Semaphore& from, std::size_t n, bool* seen) -> Task<void> {
        co_await from.acquire(n);
        if (seen) *seen = true;
    };
    scope.start(take(units, 5, nullptr), &stop);
    scope.start(take(units, 1, &got));
    CHECK(!got);

    stop.request();
    CHECK(run(scope.join()));
    CHECK(got);
}

TEST_CASE("a channel holds at most its capacity and gives items in order until closed and empty") {
    Channel<int> channel(2);
    Scope scope;
    std::vector<int> seen;
    auto write = [](Channel<int>& to) -> Task<void> {
        for (int i = 0; i < 5; ++i) co_await to.push(i);
        to.close();
    };
    auto read = [](Channel<int>& from, std::vector<int>& into) -> Task<void> {
        while (auto item = co_await from.pop()) into.push_back(*item);
    };
    scope.start(write(channel));
    scope.start(read(channel, seen));

    CHECK(run(scope.join()));
    CHECK(seen == std::vector{0, 1, 2, 3, 4});
}

TEST_CASE("a mutex is held by one coroutine at a time") {
    Mutex mutex;
    Event go;
    Scope scope;
    int inside = 0, most = 0;
    auto enter = [](Mutex& m, Event& event, int& in, int& max) -> Task<void> {
        auto guard = co_await m.lock();
        max = std::max(max, ++in);
        co_await event.wait();
        --in;
    };
    for (int i = 0; i < 3; ++i) scope.start(enter(mutex, go, inside, most));
    RunQueue::current().drain();
    go.set();

    CHECK(run(scope.join()));
    CHECK(most == 1);
    CHECK(!mutex.held());
}

}  // namespace flexfs::task
