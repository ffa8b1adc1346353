// Every primitive with stops at every moment: between a wake and the run of who was woken, before
// it, after it, several in one turn of the loop.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <vector>

#include "lib/task/play_test.h"
#include "lib/task/scope.h"
#include "lib/task/sync.h"

namespace flexfs::task {
namespace {

using State = Player::State;

constexpr int games = 600, steps = 60;

// Foretells each outcome at the moment that decides it.
struct WaitListGame : Game {
    WaitList list;
    std::deque<Player*> waiting;
    std::map<Player*, int> expected;

    Task<void> use(Player& player) override {
        waiting.push_back(&player);
        player.end(co_await result(list.wait(player.units)));
        CHECK(player.code == expected.at(&player));
    }
    void before_stop(Player& player) override {
        if (std::erase(waiting, &player) > 0) expected[&player] = ECANCELED;
    }
    void serve(std::mt19937_64& random) override {
        const int code = random() % 2 ? 0 : EAGAIN;
        if (random() % 8 == 0) {
            for (Player* player : waiting) expected[player] = code;
            waiting.clear();
            list.wake_all(code);
            return;
        }
        REQUIRE(list.empty() == waiting.empty());
        if (!waiting.empty()) {
            CHECK(list.next_units() == waiting.front()->units);
            expected[waiting.front()] = code;
        }
        CHECK(list.wake_one(code) == !waiting.empty());
        if (!waiting.empty()) waiting.pop_front();
    }
    void check_quiet() override { REQUIRE(count(State::waiting) == waiting.size()); }
    void check_end() override { CHECK(list.empty()); }
};

struct EventGame : Game {
    Event event;
    std::vector<Player*> waiting;
    std::map<Player*, int> expected;

    Task<void> use(Player& player) override {
        if (event.is_set()) expected[&player] = 0;
        else waiting.push_back(&player);
        player.end(co_await result(event.wait()));
        CHECK(player.code == expected.at(&player));
    }
    void before_stop(Player& player) override {
        if (std::erase(waiting, &player) > 0) expected[&player] = ECANCELED;
    }
    void serve(std::mt19937_64& random) override {
        if (random() % 2) {
            for (Player* player : waiting) expected[player] = 0;
            waiting.clear();
            event.set();
        }
        if (random() % 3) event.reset();
    }
    void check_quiet() override { REQUIRE(count(State::waiting) == waiting.size()); }
    void check_end() override { CHECK(waiting.empty()); }
};

struct SemaphoreGame : Game {
    static constexpr std::size_t total = 4;
    Semaphore semaphore{total};
    std::size_t held = 0;
    std::deque<Player*> holders;

    Task<void> use(Player& player) override {
        auto outcome = co_await result(semaphore.acquire(player.units));
        if (outcome) {
            check_turn_of(player, [](const Player&) { return true; });
            held += player.units;
            holders.push_back(&player);
            CHECK(held <= total);
        }
        player.end(outcome);
    }
    void serve(std::mt19937_64&) override {
        if (holders.empty()) return;
        held -= holders.front()->units;
        semaphore.release(holders.front()->units);
        holders.pop_front();
    }
    void check_quiet() override {
        REQUIRE(semaphore.free() + held == total);
        if (const Player* first = first_waiting()) REQUIRE(first->units > semaphore.free());
    }
    void check_end() override {
        std::mt19937_64 unused;
        while (!holders.empty()) serve(unused);
        CHECK(semaphore.free() == total);
        CHECK(semaphore.try_acquire(total));
    }
};

struct MutexGame : Game {
    Mutex mutex;
    Player* holder = nullptr;
    std::map<Player*, Event> leave;

    Task<void> use(Player& player) override { player.end(co_await result(hold(player))); }
    Task<void> hold(Player& player) {
        const auto guard = co_await mutex.lock();
        CHECK(holder == nullptr);
        holder = &player;
        player.state = State::served;
        const auto outcome = co_await result(leave[&player].wait());
        holder = nullptr;
        co_await outcome;
    }
    void serve(std::mt19937_64&) override {
        if (holder) leave[holder].set();
    }
    void check_quiet() override {
        REQUIRE(mutex.held() == (holder != nullptr));
        if (!holder) REQUIRE(count(State::waiting) == 0);
    }
    void check_end() override { CHECK(!mutex.held()); }
};

// Players with odd numbers push their number, the others pop.
struct ChannelGame : Game {
    static constexpr std::size_t capacity = 2;
    Channel<int> channel{capacity};
    std::vector<int> pushed, popped;
    bool closed = false;

    static bool pushes(const Player& player) { return player.number % 2 == 1; }
    Task<void> use(Player& player) override { return pushes(player) ? push(player) : pop(player); }
    Task<void> push(Player& player) {
        auto outcome = co_await result(channel.push(player.number));
        if (outcome) {
            check_turn_of(player, pushes);
            pushed.push_back(player.number);
        }
        player.end(outcome);
    }
    Task<void> pop(Player& player) {
        auto outcome = co_await result(channel.pop());
        if (outcome && *outcome) popped.push_back(**outcome);
        if (outcome && !*outcome) CHECK(closed);
        player.end(outcome ? Result<void>{} : Result<void>(fail(outcome.error())));
    }
    void serve(std::mt19937_64& random) override {
        if (random() % 40 != 0) return;
        closed = true;
        channel.close();
    }
    void check_quiet() override {
        REQUIRE(popped.size() <= pushed.size());
        REQUIRE(std::equal(popped.begin(), popped.end(), pushed.begin()));
        const std::size_t inside = pushed.size() - popped.size();
        REQUIRE(inside <= capacity);
        for (const auto& player : players) {
            if (player->state != State::waiting) continue;
            REQUIRE(!closed);
            REQUIRE(inside == (pushes(*player) ? capacity : 0));
        }
    }
    void check_end() override {
        channel.close();
        while (auto item = *run(channel.pop())) popped.push_back(*item);
        CHECK(popped == pushed);
    }
};

// Players join a scope, in which tasks run that end one by one, some with errors.
struct ScopeGame : Game {
    Scope inner;
    std::deque<std::unique_ptr<Event>> going;
    std::size_t next = 0;
    int reported = 0, failed = 0;

    static Task<void> work(Event& end, int code) {
        co_await end.wait();
        if (code != 0) co_await fail(code);
    }
    Task<void> use(Player& player) override {
        player.end(co_await result(inner.join()));
        reported += player.code == EIO;
    }
    void serve(std::mt19937_64& random) override {
        if (random() % 2) {
            const bool fails = random() % 4 == 0;
            failed += fails;
            going.push_back(std::make_unique<Event>());
            inner.start(work(*going.back(), fails ? EIO : 0));
        } else if (next < going.size()) {
            going[next++]->set();
        }
    }
    void check_quiet() override {
        REQUIRE(inner.running() == going.size() - next);
        if (inner.running() == 0) REQUIRE(count(State::waiting) == 0);
        REQUIRE(reported <= failed);
    }
    void check_end() override {
        while (next < going.size()) going[next++]->set();
        const int last = code_of(run(inner.join()));
        CHECK((last == 0 || last == EIO));
        CHECK(((failed == 0) == (reported == 0 && last == 0)));
        CHECK(run(inner.join()));
        CHECK(run(inner.close()));
    }
};

// Each player runs three tasks side by side that take a unit each.
struct AllGame : Game {
    Semaphore semaphore{2};
    int inside = 0;
    std::size_t alive = 0, done = 0, owed = 0;

    struct Alive {
        std::size_t& count;
        explicit Alive(std::size_t& counted) : count(counted) { ++count; }
        ~Alive() { --count; }
    };
    Task<void> take(Player& player, int nth) {
        const Alive lives(alive);
        co_await semaphore.acquire();
        ++owed;
        ++done;
        if (player.units == 1 && nth == 1) co_await fail(EIO);
    }
    Task<void> use(Player& player) override {
        std::vector<Task<void>> tasks;
        std::size_t mine = 0;
        for (int nth = 0; nth < 3; ++nth) tasks.push_back(count(take(player, nth), mine));
        player.end(co_await result(all(std::move(tasks))));
        CHECK(mine == 3);  // every one has ended
        if (player.code == 0) CHECK(player.units != 1);
        else CHECK((player.code == EIO || player.stopped));
    }
    static Task<void> count(Task<void> task, std::size_t& ended) {
        auto outcome = co_await result(std::move(task));
        ++ended;
        co_await std::move(outcome);
    }
    void serve(std::mt19937_64&) override {
        if (owed == 0) return;
        --owed;
        semaphore.release();
    }
    using Game::count;
    void check_quiet() override {
        REQUIRE(semaphore.free() + owed == 2);
        if (alive > 0) REQUIRE(semaphore.free() == 0);
        if (alive == 0) REQUIRE(Game::count(State::waiting) == 0);
    }
    void check_end() override {
        CHECK(alive == 0);
        CHECK(semaphore.free() + owed == 2);
    }
};

}  // namespace

TEST_CASE("a wait ends once, by the wake or the stop that came first, in order of arrival") {
    play_many<WaitListGame>(games, steps);
}

TEST_CASE("an event that is set lets everybody go on who was waiting and not stopped by then") {
    play_many<EventGame>(games, steps);
}

TEST_CASE("a semaphore loses no unit and keeps nobody waiting for free ones, whoever is stopped") {
    play_many<SemaphoreGame>(games, steps);
}

TEST_CASE("a mutex is free once its holders and waiters were stopped") {
    play_many<MutexGame>(games, steps);
}

TEST_CASE("a channel gives out each item that was pushed once and in order, whoever is stopped") {
    play_many<ChannelGame>(games, steps);
}

TEST_CASE("a scope wakes whoever joins it when nothing runs, and reports an error once") {
    play_many<ScopeGame>(games, steps);
}

TEST_CASE(
    "tasks run side by side have all ended when their outcome is there, and no unit is lost") {
    play_many<AllGame>(games, steps);
}

TEST_CASE("a semaphore survives every order of two stops and two releases around three waiters") {
    enum Action { start_two, start_one, start_last, stop_two, stop_one, release_a, release_b };
    std::array order{start_two, start_one, start_last, stop_two, stop_one, release_a, release_b};
    do {
        const auto at = [&](Action action) { return std::ranges::find(order, action); };
        if (at(stop_two) < at(start_two) || at(stop_one) < at(start_one)) continue;
        for (unsigned drains = 0; drains < 1u << order.size(); ++drains) {
            SemaphoreGame game;
            REQUIRE(game.semaphore.try_acquire(2));  // two units come only with the releases
            REQUIRE(game.semaphore.try_acquire(2));
            Player *two = nullptr, *one = nullptr;
            std::size_t released = 0;
            for (std::size_t i = 0; i < order.size(); ++i) {
                switch (order[i]) {
                    case start_two: two = &game.join(2); break;
                    case start_one: one = &game.join(1); break;
                    case start_last: game.join(1); break;
                    case stop_two: game.stop(*two); break;
                    case stop_one: game.stop(*one); break;
                    case release_a:
                    case release_b:
                        game.semaphore.release();
                        ++released;
                        break;
                }
                if ((drains >> i) & 1) RunQueue::current().drain();
            }
            RunQueue::current().drain();
            REQUIRE(game.semaphore.free() + game.held == released);
            if (const Player* first = game.first_waiting())
                REQUIRE(first->units > game.semaphore.free());
            for (const auto& player : game.players) game.stop(*player);
            RunQueue::current().drain();
            REQUIRE(game.scope.running() == 0);
        }
    } while (std::ranges::next_permutation(order).found);
}

TEST_CASE("tasks run side by side report that one of them was stopped, whoever stopped it") {
    WaitList list;
    auto wait = [](WaitList& on) -> Task<void> { co_await on.wait(); };
    std::vector<Task<void>> tasks;
    tasks.push_back(wait(list));
    auto both = all(std::move(tasks));
    both.start();

    list.wake_one(ECANCELED);
    RunQueue::current().drain();
    CHECK(code_of(both.take()) == ECANCELED);
}

}  // namespace flexfs::task
