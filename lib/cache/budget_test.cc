#include "lib/cache/budget.h"

#include <doctest/doctest.h>

#include <vector>

#include "lib/task/scope.h"

namespace flexfs::cache {
namespace {

using enum Budget::Kind;

Task<void> hold(Budget& budget, std::uint64_t bytes, Budget::Kind kind,
                std::vector<Reservation>& into) {
    into.push_back(co_await budget.take(bytes, kind));
}

}  // namespace

TEST_CASE("a budget gives out no more than its limit, and what comes back goes to who waits") {
    Budget budget(100, 50);
    Scope scope;
    std::vector<Reservation> held;
    auto first = budget.try_take(80);
    REQUIRE(first);
    scope.start(hold(budget, 30, clean, held));
    scope.start(hold(budget, 10, clean, held));
    CHECK(!budget.try_take(10));  // would overtake
    CHECK(held.empty());

    first->shrink(60);
    CHECK(task::run(scope.join()));
    CHECK(held.size() == 2);
    CHECK(budget.used() == 100);
}

TEST_CASE("dirty bytes have a limit of their own, and who waits for it holds up nobody else") {
    Budget budget(100, 30);
    Scope scope;
    std::vector<Reservation> held;
    auto first = budget.try_take(30, dirty);
    scope.start(hold(budget, 5, dirty, held));

    CHECK(held.empty());
    CHECK(budget.try_take(70));
    first.reset();
    CHECK(task::run(scope.join()));
    CHECK(budget.dirty() == 5);
}

TEST_CASE("a cache gives back what somebody needs, before anybody waits") {
    Budget budget(100, 50);
    std::vector<Reservation> cache;
    const auto reclaimer = budget.add_reclaimer([&](Budget::Kind, std::uint64_t bytes) {
        for (std::uint64_t freed = 0; freed < bytes && !cache.empty(); freed += 10)
            cache.pop_back();
    });
    for (int i = 0; i < 10; ++i) cache.push_back(*budget.try_take(10));

    CHECK(budget.try_take(25));
    CHECK(cache.size() == 7);
}

TEST_CASE("a wait that is stopped takes nothing and lets those behind it go on") {
    Budget budget(100, 50);
    Scope scope;
    task::StopSource stop;
    std::vector<Reservation> held;
    auto first = budget.try_take(50);
    scope.start(hold(budget, 80, clean, held), &stop);
    scope.start(hold(budget, 20, clean, held));

    stop.request();
    CHECK(task::run(scope.join()));
    CHECK(held.size() == 1);
    CHECK(budget.used() == 70);
}

TEST_CASE("writers are refused, not kept waiting, while dirty data cannot be written out") {
    Budget budget(100, 30);
    Scope scope;
    std::vector<Reservation> held;
    auto first = budget.try_take(30, dirty);
    scope.start(hold(budget, 5, dirty, held));

    budget.refuse_dirty(ENOSPC);
    CHECK(code_of(task::run(scope.join())) == ENOSPC);
    CHECK(code_of(task::run(budget.take(5, dirty))) == ENOSPC);
    first->make_clean();
    CHECK(task::run(budget.take(5, dirty)));
    CHECK(budget.dirty() == 0);
}

TEST_CASE("a request above the limit is served when nothing else is held") {
    Budget budget(100, 50);
    const auto all = budget.try_take(1000);

    CHECK(all);
    CHECK(all->bytes() == 100);
}

TEST_CASE("a charged buffer gives its bytes back with its last copy") {
    Budget budget(100, 50);
    Buffer charged = Budget::charge(Buffer::copy_of("hello"), *budget.try_take(5));
    Buffer copy = charged.slice(1, 2);
    charged = {};
    CHECK(budget.used() == 5);

    copy = {};
    CHECK(budget.used() == 0);
}

TEST_CASE("reservations split and merge without losing a byte") {
    Budget budget(100, 50);
    Reservation all = *budget.try_take(30);
    Reservation part = all.split(10);
    part.shrink(4);
    all.merge(std::move(part));

    CHECK(all.bytes() == 24);
    CHECK(budget.used() == 24);
}

}  // namespace flexfs::cache
