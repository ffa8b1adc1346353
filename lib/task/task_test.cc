#include "lib/task/task.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <memory>
#include <string>

#include "lib/task/scope.h"
#include "lib/task/sync.h"

namespace flexfs::task {
namespace {

Task<int> number(int n) {
    co_return n;
}
Task<int> refuse(int code) {
    co_return fail(code, "refused");
}
Task<void> refuse_void(int code) {
    co_await fail(code);
}

}  // namespace

TEST_CASE("a task's value reaches who awaits it") {
    auto sum = []() -> Task<int> { co_return co_await number(1) + co_await number(2); };

    CHECK(run(sum()) == 3);
}

TEST_CASE("an error ends every task up to the one that asks for the result") {
    static bool went_on;
    went_on = false;
    auto inner = []() -> Task<int> {
        int n = co_await refuse(ENOENT);
        went_on = true;
        co_return n;
    };
    auto outer = [](Task<int> task) -> Task<std::string> {
        Result<int> outcome = co_await result(std::move(task));
        co_return outcome.error().context;
    };

    CHECK(run(outer(inner())) == "refused");
    CHECK(!went_on);
}

TEST_CASE("an awaited Result gives its value or ends the coroutine") {
    auto task = [](Result<int> given) -> Task<int> { co_return co_await std::move(given) + 1; };

    CHECK(run(task(Result<int>(1))) == 2);
    CHECK(run(task(fail(EIO))).error().code == EIO);
}

TEST_CASE("locals of a coroutine that an error ended are destroyed") {
    auto alive = std::make_shared<int>(1);
    std::weak_ptr<int> watch = alive;
    auto task = [](std::shared_ptr<int> held) -> Task<void> {
        auto local = held;
        co_await refuse_void(EIO);
    };

    CHECK(run(task(std::move(alive))).error().code == EIO);
    CHECK(watch.expired());
}

TEST_CASE("a million calls that finish at once do not grow the stack") {
    auto loop = []() -> Task<long> {
        long sum = 0;
        for (int i = 0; i < 1'000'000; ++i) sum += co_await number(1);
        co_return sum;
    };

    CHECK(run(loop()) == 1'000'000);
}

TEST_CASE("a scope runs its tasks side by side and joins with the first error") {
    Event go;
    Scope scope;
    int ended = 0;
    auto worker = [](Event& event, int& count, int code) -> Task<void> {
        co_await event.wait();
        ++count;
        if (code) co_await fail(code);
    };
    scope.start(worker(go, ended, 0));
    scope.start(worker(go, ended, EIO));
    CHECK(scope.running() == 2);

    go.set();
    CHECK(run(scope.join()).error().code == EIO);
    CHECK(ended == 2);
}

TEST_CASE("closing a scope ends what waits in it with ECANCELED") {
    Event never;
    Scope scope;
    int code = 0;
    auto waiter = [](Event& event, int& seen) -> Task<void> {
        auto outcome = co_await result(event.wait());
        seen = code_of(outcome);
        co_await std::move(outcome);
    };
    scope.start(waiter(never, code));

    CHECK(run(scope.close()));
    CHECK(code == ECANCELED);
    CHECK(scope.running() == 0);
}

TEST_CASE("a stop reaches what tasks started side by side wait for") {
    Event never;
    StopSource stop;
    Scope scope;
    static int code;
    code = 0;
    auto waiter = [](Event& event) -> Task<void> { co_await event.wait(); };
    auto both = [](Task<void> a, Task<void> b) -> Task<void> {
        std::vector<Task<void>> tasks;
        tasks.push_back(std::move(a));
        tasks.push_back(std::move(b));
        code = code_of(co_await result(all(std::move(tasks))));
    };
    scope.start(both(waiter(never), waiter(never)), &stop);

    stop.request();
    RunQueue::current().drain();
    CHECK(code == ECANCELED);
    CHECK(scope.running() == 0);
}

}  // namespace flexfs::task
