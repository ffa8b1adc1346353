#include "lib/loop/loop.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <thread>

#include "lib/loop/pool.h"
#include "lib/task/scope.h"
#include "lib/task/sync.h"

namespace flexfs::loop {

using namespace std::chrono_literals;

TEST_CASE("sleepers wake in the order of their deadlines") {
    Loop loop;
    std::vector<int> order;
    auto sleeper = [](Loop& on, Duration span, int id, std::vector<int>& seen) -> Task<void> {
        co_await on.sleep(span);
        seen.push_back(id);
    };
    auto main = [&sleeper](Loop& on, std::vector<int>& seen) -> Task<void> {
        std::vector<Task<void>> tasks;
        tasks.push_back(sleeper(on, 20ms, 2, seen));
        tasks.push_back(sleeper(on, 1ms, 1, seen));
        co_await task::all(std::move(tasks));
    };

    CHECK(loop.run(main(loop, order)));
    CHECK(order == std::vector{1, 2});
}

TEST_CASE("sleeps that are over before the loop waits for them end") {
    Loop loop;
    for (int i = 0; i < 100; ++i) CHECK(loop.run(loop.sleep(1us)));
}

TEST_CASE("a stopped sleep ends with ECANCELED long before its time") {
    Loop loop;
    auto main = [](Loop& on) -> Task<void> {
        Scope scope;
        scope.start(on.sleep(1h));
        co_await scope.close();
    };

    CHECK(loop.run(main(loop)));
}

TEST_CASE("offloaded work runs on another thread and its value or error comes back") {
    Loop loop;
    const auto here = std::this_thread::get_id();
    auto main = [](Loop& on, std::thread::id loop_thread) -> Task<int> {
        bool elsewhere = co_await offload(on, [loop_thread]() -> Result<bool> {
            return std::this_thread::get_id() != loop_thread;
        });
        auto failed = co_await result(offload(on, []() -> Result<int> { return fail(EIO); }));
        co_return elsewhere ? failed.error().code : 0;
    };

    CHECK(loop.run(main(loop, here)) == EIO);
}

TEST_CASE(
    "turn hooks run after all that was ready, and what they wake runs before the loop sleeps") {
    Loop loop;
    task::Event committed;
    int ready = 0, seen = 0;
    auto hook = loop.at_turn_end([&] {
        if (ready == 2) seen = ready, committed.set();
    });
    auto request = [](int& count, task::Event& event) -> Task<void> {
        ++count;
        co_await event.wait();
    };
    auto main = [&request](int& count, task::Event& event) -> Task<void> {
        std::vector<Task<void>> tasks;
        tasks.push_back(request(count, event));
        tasks.push_back(request(count, event));
        co_await task::all(std::move(tasks));
    };

    CHECK(loop.run(main(ready, committed)));
    CHECK(seen == 2);
}

TEST_CASE(
    "a task that every turn's end makes ready again keeps neither timers nor the pool waiting") {
    Loop loop;
    task::WaitList turn_ended;
    bool over = false;
    auto hook = loop.at_turn_end([&] { turn_ended.wake_all(); });
    auto restless = [](task::WaitList& turns, const bool& ends) -> Task<void> {
        while (!ends) co_await turns.wait();
    };
    auto others = [](Loop& on, bool& ends) -> Task<int> {
        co_await on.sleep(1ms);
        const int got = co_await offload(on, []() -> Result<int> { return 7; });
        ends = true;
        co_return got;
    };
    task::Scope scope;
    scope.start(restless(turn_ended, over));

    CHECK(loop.run(others(loop, over)) == 7);
    CHECK(loop.run(scope.join()));
}

TEST_CASE("a loop that sleeps polls a watched descriptor when it becomes readable") {
    struct Counter : Pollable {
        int fd = eventfd(0, EFD_NONBLOCK);
        task::Event got;
        std::thread writer;
        ~Counter() override {
            writer.join();
            ::close(fd);
        }
        int descriptor() const override { return fd; }
        // The loop calls this when it has no more work and goes to sleep.
        bool wanted() override {
            if (!writer.joinable()) {
                writer = std::thread([this] {
                    const std::uint64_t one = 1;
                    check(::write(fd, &one, sizeof one) == sizeof one);
                });
            }
            return true;
        }
        bool poll() override {
            std::uint64_t value;
            if (::read(fd, &value, sizeof value) != sizeof value) return false;
            got.set();
            return true;
        }
    };
    Loop loop;
    Counter counter;
    auto watching = loop.watch(counter);
    auto main = [](Counter& c) -> Task<void> { co_await c.got.wait(); };

    CHECK(loop.run(main(counter)));
}

TEST_CASE("a signal's handler runs on the loop") {
    Loop loop;
    task::Event got;
    auto handler = loop.on_signal(SIGUSR1, [&] { got.set(); });
    auto main = [](task::Event& event) -> Task<void> {
        ::kill(::getpid(), SIGUSR1);
        co_await event.wait();
    };

    CHECK(loop.run(main(got)));
}

}  // namespace flexfs::loop
