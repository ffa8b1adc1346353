#include "lib/service/holdings.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>

namespace flexfs::service {
namespace {

TEST_CASE("shared grants are those that were given to sessions that have not ended") {
    const unsigned seed = std::random_device()();
    INFO("seed ", seed);
    std::mt19937 random(seed);
    SharedHoldings held;
    std::map<Ino, std::set<SessionId>> model;
    SessionId first = 1;  // of three open sessions
    for (int step = 0; step < 20000; ++step) {
        const Ino ino = 1 + random() % 64;
        switch (random() % 16) {
            case 0:
                held.end(first);
                for (auto& [i, holders] : model) holders.erase(first);
                ++first;
                break;
            case 1:
                held.erase(ino);
                model.erase(ino);
                break;
            case 2:
                if (const auto oldest = held.pop_oldest()) model.erase(oldest->ino);
                break;
            case 3:
            case 4:
            case 5: held.sweep(random() % 40); break;
            default:
                const SessionId session = first + random() % 3;
                held.add(ino, session);
                model[ino].insert(session);
        }
        std::set<SessionId> holders;
        for (const SessionId session : held.holders(ino))
            if (session >= first) holders.insert(session);
        REQUIRE(holders == model[ino]);
    }
    held.end(first);
    for (auto& [i, holders] : model) holders.erase(first);
    for (int round = 0; round < 3; ++round) held.sweep(1000);
    std::size_t grants = 0, inodes = 0;
    for (const auto& [ino, holders] : model) {
        grants += holders.size();
        inodes += !holders.empty();
    }
    CHECK(held.grants() == grants);
    CHECK(held.size() == inodes);
}

TEST_CASE("exclusive grants on inodes made one after the other are one range") {
    ExclusiveHoldings held;
    for (Ino ino = 10; ino < 1000; ++ino) held.add(ino, 1);

    CHECK(held.ranges() == 1);
    CHECK(held.holder(9) == 0);
    CHECK(held.holder(10) == 1);
    CHECK(held.holder(999) == 1);
    CHECK(held.holder(1000) == 0);
}

TEST_CASE("ranges of exclusive grants hold what was added and not removed") {
    const unsigned seed = std::random_device()();
    INFO("seed ", seed);
    std::mt19937 random(seed);
    ExclusiveHoldings held;
    std::map<Ino, SessionId> model;
    for (int step = 0; step < 20000; ++step) {
        const Ino ino = 1 + random() % 64;
        const SessionId session = 1 + random() % 3;
        const SessionId holder = model.contains(ino) ? model[ino] : 0;
        REQUIRE(held.holder(ino) == holder);
        switch (random() % 16) {
            case 0:
                held.end(session);
                std::erase_if(model, [&](const auto& one) { return one.second == session; });
                break;
            case 1:
            case 2:
            case 3:
            case 4:
            case 5:
                held.remove(ino);
                model.erase(ino);
                break;
            default:
                if (holder != 0 && holder != session) break;
                held.add(ino, session);
                model[ino] = session;
        }
        const auto next = model.upper_bound(ino);
        const Ino after = model.empty()         ? 0
                          : next != model.end() ? next->first
                                                : model.begin()->first;
        REQUIRE(held.after(ino) == after);
    }
}

TEST_CASE("merged ranges are one") {
    ExclusiveHoldings held;
    for (Ino ino : {5, 7, 9}) held.add(ino, 1);
    held.merge(1);

    CHECK(held.ranges() == 1);
    CHECK(held.holder(6) == 1);
    CHECK(held.holder(10) == 0);
}

TEST_CASE("shared grants leave in the order in which they were last given") {
    SharedHoldings held;
    for (Ino ino : {1, 2, 3}) held.add(ino, 7);
    held.add(1, 8);
    held.add(1, 8);

    CHECK(held.holders(1) == std::vector<SessionId>{7, 8});
    CHECK(held.pop_oldest()->ino == 2);
    CHECK(held.holders(2).empty());
    held.erase(3);
    CHECK(held.size() == 1);
    CHECK(held.pop_oldest()->ino == 1);
    CHECK_FALSE(held.pop_oldest());
}

constexpr Duration second = std::chrono::seconds(1);

TEST_CASE("a file that is passed on is not contested, one that goes back and forth is") {
    Contests contests;

    CHECK_FALSE(contests.ask(5, 1, true, 100 * second));
    CHECK_FALSE(contests.contested(5, 100 * second));
    CHECK(contests.ask(5, 2, true, 101 * second));
    CHECK(contests.contested(5, 101 * second));
    CHECK_FALSE(contests.contested(6, 101 * second));
}

TEST_CASE("a contest ends when one is alone for a while") {
    Contests contests;
    contests.ask(5, 1, true, 100 * second);
    CHECK(contests.ask(5, 2, true, 101 * second));
    CHECK(contests.ask(5, 1, false, 102 * second));
    CHECK(contests.ask(5, 1, false, 102 * second + Contests::window / 4));

    CHECK_FALSE(contests.ask(5, 1, false, 102 * second + Contests::window));
    CHECK(contests.size() == 0);
}

TEST_CASE("a client that takes a file again after a while does not contest it") {
    Contests contests;
    for (int i = 0; i < 10; ++i) CHECK_FALSE(contests.ask(5, 1 + i % 2, true, i * 10 * second));
}

TEST_CASE("contests are bounded") {
    Contests contests;
    for (Ino ino = 1; ino <= Contests::files_max + 100; ++ino)
        contests.ask(ino, 1, true, 100 * second);
    CHECK(contests.size() <= Contests::files_max);
}

}  // namespace
}  // namespace flexfs::service
