// Random play with a primitive: tasks begin to use it, are stopped, and are served, many of them in
// one turn of the loop, also from inside the turn. A game says what may be done and what must hold.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "lib/task/scope.h"
#include "lib/task/yield.h"

namespace flexfs::task {

// A task that uses the primitive, and what became of it.
struct Player {
    enum class State { waiting, served, ended };

    StopSource stop;
    std::size_t units = 1;
    int number = 0;
    State state = State::waiting;
    int code = -1;  // of its outcome, once it has ended
    bool stopped = false;

    void end(const Result<void>& outcome) {
        code = code_of(outcome);
        state = State::ended;
    }
};

class Game {
public:
    virtual ~Game() = default;

    // One task's use of the primitive, from its beginning to player.end().
    virtual Task<void> use(Player& player) = 0;
    // Something that serves or wakes those who wait.
    virtual void serve(std::mt19937_64& random) = 0;
    // Called before the player's stop is requested.
    virtual void before_stop(Player&) {}
    // Checks the invariants of a moment at which nothing is ready to run.
    virtual void check_quiet() = 0;
    // Checks the end, after every player was stopped and has ended.
    virtual void check_end() = 0;

    std::vector<std::unique_ptr<Player>> players;  // in order of arrival
    Scope scope;

    Player& join(std::size_t units) {
        auto& player = *players.emplace_back(std::make_unique<Player>());
        player.units = units;
        player.number = int(players.size());
        starting_ = &player;
        scope.start(use(player), &player.stop);
        starting_ = nullptr;
        return player;
    }
    // For a player that is served: whoever came earlier for the same was served before, or was
    // stopped and learns of it in this turn. A player served at once may come before one that was
    // served already and has not run.
    void check_turn_of(const Player& player, const std::function<bool(const Player&)>& same) const {
        if (&player == starting_) return;
        CHECK(std::ranges::none_of(players, [&](const auto& other) {
            return other->number < player.number && same(*other) && !other->stopped &&
                   other->state == Player::State::waiting;
        }));
    }
    void stop(Player& player) {
        if (player.stopped) return;
        player.stopped = true;
        before_stop(player);
        player.stop.request();
    }
    std::size_t count(Player::State state) const {
        return std::size_t(std::ranges::count_if(
            players, [state](const auto& player) { return player->state == state; }));
    }
    // The longest waiting; null if nobody waits.
    Player* first_waiting() const {
        for (const auto& player : players)
            if (player->state == Player::State::waiting) return player.get();
        return nullptr;
    }

private:
    const Player* starting_ = nullptr;
};

inline Task<void> later(std::function<void()> act, std::size_t yields) {
    for (std::size_t i = 0; i < yields; ++i) co_await yield();
    act();
}

// Ends with all players stopped.
inline void play(Game& game, std::uint64_t seed, int steps) {
    INFO("seed ", seed);
    std::mt19937_64 random(seed);
    const auto act = [&] {
        const std::size_t choice = random() % 8;
        if (choice < 3 && game.players.size() < 60) {
            game.join(1 + random() % 4);
        } else if (choice < 5 && !game.players.empty()) {
            // Mostly one of the last, which are those that wait.
            const std::size_t last = game.players.size();
            game.stop(*game.players[last - 1 - random() % std::min<std::size_t>(last, 8)]);
        } else {
            game.serve(random);
        }
    };
    Scope actions;
    for (int step = 0; step < steps; ++step) {
        if (random() % 3 == 0) actions.start(later(act, random() % 4));
        else act();
        if (random() % 3 != 0) continue;
        RunQueue::current().drain();
        game.check_quiet();
        REQUIRE(std::ranges::none_of(game.players, [](const auto& player) {
            return player->stopped && player->state != Player::State::ended;
        }));
    }
    RunQueue::current().drain();
    for (std::size_t i = 0; i < game.players.size(); ++i) game.stop(*game.players[i]);
    RunQueue::current().drain();
    REQUIRE(actions.running() == 0);
    REQUIRE(game.scope.running() == 0);
    game.check_end();
}

template <class AGame>
void play_many(int games, int steps) {
    for (int seed = 1; seed <= games; ++seed) {
        AGame game;
        play(game, std::uint64_t(seed), steps);
    }
}

}  // namespace flexfs::task
