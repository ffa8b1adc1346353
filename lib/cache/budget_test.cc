#include "lib/cache/budget.h"

#include <doctest/doctest.h>

#include <vector>

#include "lib/task/scope.h"

namespace flexfs::cache {
namespace {

using enum Budget::Kind;

Task<void> hold(Budget& budget, std::uint64_t bytes, Budget::Kind kind,
                std::vector<Reservation>& into) {
    Account account(budget, kind);
    co_await account.take(bytes);
    into.push_back(account.hand_over());
}

}  // namespace

TEST_CASE("a budget gives out no more than its limit, and what comes back goes to who waits") {
    Budget budget(100, 50);
    Scope scope;
    std::vector<Reservation> held;
    auto first = budget.try_take(80);
    REQUIRE(first);
    scope.start(hold(budget, 20, clean, held));
    scope.start(hold(budget, 7, clean, held));
    CHECK(!budget.try_take(7));  // it would overtake the waiting request
    CHECK(held.empty());

    first->shrink(60);
    CHECK(task::run(scope.join()));
    CHECK(held.size() == 2);
    CHECK(budget.used() == 87);
}

TEST_CASE("dirty bytes have a limit of their own, and who waits for it holds up nobody else") {
    Budget budget(100, 30);
    Scope scope;
    std::vector<Reservation> held;
    auto first = budget.try_take(26, dirty);
    scope.start(hold(budget, 5, dirty, held));

    CHECK(held.empty());
    CHECK(budget.try_take(60));
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
    CHECK(cache.size() == 6);  // large requests may use 88 at most
}

TEST_CASE("a cache keeps what it has while only the limit of dirty bytes is reached") {
    Budget budget(100, 50);
    std::vector<Reservation> cache;
    int asked = 0;
    const auto reclaimer = budget.add_reclaimer([&](Budget::Kind, std::uint64_t bytes) {
        ++asked;
        for (std::uint64_t freed = 0; freed < bytes && !cache.empty(); freed += 10)
            cache.pop_back();
    });
    for (int i = 0; i < 4; ++i) cache.push_back(*budget.try_take(10));
    auto written = budget.try_take(40, dirty);
    REQUIRE(written);

    CHECK_FALSE(budget.try_take(20, dirty));
    CHECK(asked > 0);
    CHECK(cache.size() == 4);
    written->make_clean();
    CHECK(budget.try_take(20, dirty));
    CHECK(cache.size() == 2);
}

TEST_CASE("a wait that is stopped takes nothing and lets those behind it go on") {
    Budget budget(100, 50);
    Scope scope;
    task::StopSource stop;
    std::vector<Reservation> held;
    auto first = budget.try_take(50);
    scope.start(hold(budget, 80, clean, held), &stop);
    scope.start(hold(budget, 20, clean, held));
    CHECK(held.empty());

    stop.request();
    CHECK(task::run(scope.join()));
    CHECK(held.size() == 1);
    CHECK(budget.used() == 70);
}

TEST_CASE("writers are refused, not kept waiting, while dirty data cannot be written out") {
    Budget budget(100, 30);
    Scope scope;
    std::vector<Reservation> held;
    auto first = budget.try_take(26, dirty);
    scope.start(hold(budget, 5, dirty, held));

    budget.refuse_dirty(ENOSPC);
    CHECK(code_of(task::run(scope.join())) == ENOSPC);
    Account account(budget, dirty);
    CHECK(code_of(task::run(account.take(5))) == ENOSPC);
    first->make_clean();
    CHECK(task::run(account.take(5)));
    CHECK(budget.dirty() == 5);
}

TEST_CASE("a taking that can never fit fails at once, and says what could") {
    Budget budget(800, 400);
    const Reservation table = budget.set_aside(160);
    Account clean_one(budget), dirty_one(budget, dirty);
    CHECK(budget.most() == 560);
    CHECK(budget.most(dirty) == 350);

    const auto refused = task::run(clean_one.take(561));
    CHECK(code_of(refused) == ENOMEM);
    CHECK(refused.error().context == "cannot take 561 bytes of memory at once; at most 560");
    CHECK(code_of(task::run(dirty_one.take(351))) == ENOMEM);
    CHECK(!budget.try_take(561));
    CHECK(task::run(clean_one.take(560)));
}

TEST_CASE("small takings find room beside large ones, which use seven eighths at most") {
    Budget budget(3200, 1600);
    Scope scope;
    std::vector<Reservation> held;
    scope.start(hold(budget, 2000, clean, held));
    scope.start(hold(budget, 1000, clean, held));
    CHECK(held.size() == 1);  // the second waits: large requests may use 2800 at most

    for (int i = 0; i < 4; ++i) scope.start(hold(budget, 100, clean, held));
    CHECK(held.size() == 5);
    scope.start(hold(budget, 1, clean, held));
    CHECK(held.size() == 5);  // an eighth of the limit has overtaken it
    held.erase(held.begin());
    task::RunQueue::current().drain();
    CHECK(held.size() == 6);
    CHECK(task::run(scope.join()));
}

TEST_CASE("waiting requests are served when a cache gains memory that it can give back") {
    Budget budget(100, 50);
    Scope scope;
    std::vector<Reservation> cache, held;
    auto fetching = budget.try_take(80);
    const auto reclaimer =
        budget.add_reclaimer([&](Budget::Kind, std::uint64_t) { cache.clear(); });
    scope.start(hold(budget, 60, clean, held));
    CHECK(held.empty());

    cache.push_back(std::move(*fetching));
    reclaimer->gained();
    CHECK(task::run(scope.join()));
    CHECK(held.size() == 1);
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
