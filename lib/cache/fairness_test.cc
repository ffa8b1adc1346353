// Random takers of all sizes share a budget with a cache and claims; they hold memory for a while
// and may be stopped at any moment.
#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <numeric>

#include "lib/cache/budget.h"
#include "lib/task/play_test.h"
#include "lib/task/sync.h"

namespace flexfs::cache {
namespace {

using task::Player;
using State = Player::State;

constexpr std::uint64_t limit = 6400, dirty_limit = 3200, table = 640;
// The limit of overtaking: a request that found n others waiting is overtaken by at most n + 1
// times this many later requests of the same kind. An eighth of the limit may overtake a request,
// and each request is at least 1/64 of it.
constexpr std::size_t overtaking_max = 8;

struct BudgetGame : task::Game {
    struct Taking {
        std::uint64_t bytes = 0;
        Budget::Kind kind = Budget::Kind::clean;
        std::size_t waiting = 0;    // requests waiting when it arrived
        std::size_t overtaken = 0;  // by requests that arrived later
    };

    Budget budget{limit, dirty_limit};
    Reservation set_aside = budget.set_aside(table);
    std::deque<std::pair<Player*, Reservation>> held;
    std::vector<Reservation> cached, claimed;
    std::map<const Player*, Taking> takings;
    std::size_t most_overtaken = 0;
    std::unique_ptr<Budget::Reclaimer> reclaimer =
        budget.add_reclaimer([this](Budget::Kind, std::uint64_t bytes) {
            const std::uint64_t before = budget.used();
            while (!cached.empty() && before - budget.used() < bytes) cached.pop_back();
        });

    // Returns sizes from 1/64 to 7/8 of the limit, most of them small.
    static Taking taking_of(const Player& player) {
        std::mt19937_64 random(std::uint64_t(player.number) * 31 + player.units);
        Taking taking;
        taking.kind = random() % 2 ? Budget::Kind::dirty : Budget::Kind::clean;
        const std::uint64_t whole =
            taking.kind == Budget::Kind::dirty ? dirty_limit : limit - table;
        taking.bytes = random() % 4 ? whole / 64 + random() % (whole / 64)
                                    : whole / 32 + random() % (whole - whole / 8 - whole / 32);
        return taking;
    }
    Task<void> use(Player& player) override {
        Taking& taking = takings[&player] = taking_of(player);
        taking.waiting = count(State::waiting) - 1;
        Account account(budget, taking.kind);
        auto outcome = co_await result(account.take(taking.bytes));
        if (outcome) {
            CHECK(account.bytes() == taking.bytes);
            for (const auto& other : players)
                if (other->number < player.number && other->state == State::waiting)
                    takings[other.get()].overtaken += takings[other.get()].kind == taking.kind;
            most_overtaken = std::max(most_overtaken, taking.overtaken / (taking.waiting + 1));
            held.emplace_back(&player, account.hand_over());
        }
        player.end(outcome);
    }
    void serve(std::mt19937_64& random) override {
        const auto choice = random() % 16;
        if (choice == 0) {
            claimed.push_back(budget.claim(random() % 200));
        } else if (choice == 1) {
            claimed.clear();
        } else if (choice < 4) {
            if (auto taken = budget.try_take(random() % 400)) cached.push_back(std::move(*taken));
            reclaimer->gained();
        } else if (choice == 4 && !held.empty()) {
            held.front().second.make_clean();
        } else if (!held.empty()) {
            held.pop_front();
        }
    }
    void check_quiet() override {
        std::uint64_t sum = table;
        for (const auto& one : held) sum += one.second.bytes();
        for (const auto& one : cached) sum += one.bytes();
        std::uint64_t claims = 0;
        for (const auto& one : claimed) claims += one.bytes();
        REQUIRE(budget.used() == sum + claims);
        REQUIRE(sum <= limit);
        REQUIRE(budget.dirty() <= dirty_limit);
        if (held.empty() && claimed.empty()) REQUIRE(count(State::waiting) == 0);
        REQUIRE(most_overtaken <= overtaking_max);
    }
    void check_end() override {
        held.clear();
        claimed.clear();
        cached.clear();
        CHECK(budget.used() == table);
        CHECK(budget.dirty() == 0);
        Account all(budget);
        CHECK(task::run(all.take(budget.most())));
    }
};

// Takes `bytes` repeatedly and keeps them for `turns` turns of the loop.
Task<void> keep_taking(Budget& budget, std::uint64_t bytes, int turns, const bool& enough) {
    while (!enough) {
        Account account(budget);
        co_await account.take(bytes);
        for (int i = 0; i < turns; ++i) co_await task::yield();
    }
}

Task<void> take_a_few(Budget& budget, std::uint64_t bytes, int& times, bool& enough) {
    for (; times < 100; ++times) {
        Account account(budget);
        co_await account.take(bytes);
        co_await task::yield();
    }
    enough = true;
}

}  // namespace

TEST_CASE("no byte is lost and nobody is overtaken without a bound, whoever is stopped") {
    task::play_many<BudgetGame>(600, 120);
}

TEST_CASE("a stream of small takings does not starve a large one, nor the reverse") {
    for (const bool large : {true, false}) {
        Budget budget(limit, dirty_limit);
        Scope scope;
        bool enough = false;
        int times = 0;
        for (int i = 0; i < 70; ++i)
            scope.start(keep_taking(budget, large ? 150 : 3000, 3 + i % 5, enough));
        scope.start(take_a_few(budget, large ? 5000 : 150, times, enough));

        CHECK(task::run(scope.join()));
        CHECK(times == 100);
        CHECK(budget.used() == 0);
    }
}

}  // namespace flexfs::cache
