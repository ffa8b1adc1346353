#include "lib/base/range_set.h"

#include <doctest/doctest.h>

#include <random>
#include <set>

namespace flexfs {
namespace {

using Ranges = std::vector<Range>;

}  // namespace

TEST_CASE("ranges that overlap or touch become one") {
    RangeSet set;
    CHECK(set.add({10, 20}) == 10);
    CHECK(set.add({30, 40}) == 10);
    CHECK(set.ranges() == Ranges{{10, 20}, {30, 40}});
    CHECK(set.add({20, 25}) == 5);
    CHECK(set.add({15, 35}) == 5);
    CHECK(set.ranges() == Ranges{{10, 40}});
    CHECK(set.add({5, 5}) == 0);
    CHECK(set.size() == 30);
}

TEST_CASE("a set that reaches to the last number has no gap there") {
    RangeSet set;
    set.add({7, UINT64_MAX});
    CHECK(set.first_gap(6) == 6);
    CHECK(set.first_gap(7) == UINT64_MAX);
    set.remove({100, UINT64_MAX});
    CHECK(set.first_gap(7) == 100);
}

TEST_CASE("a set of ranges has the numbers that a set of numbers has") {
    std::mt19937 dice(1);
    for (int round = 0; round < 200; ++round) {
        RangeSet set;
        std::set<std::uint64_t> model;
        for (int step = 0; step < 30; ++step) {
            const std::uint64_t first = dice() % 60, last = first + dice() % 12;
            const auto before = model.size();
            if (dice() % 3) {
                for (auto n = first; n < last; ++n) model.insert(n);
                CHECK(set.add({first, last}) == model.size() - before);
            } else {
                for (auto n = first; n < last; ++n) model.erase(n);
                set.remove({first, last});
            }
            CHECK(set.size() == model.size());
            const std::uint64_t at = dice() % 70, end = at + dice() % 12;
            std::size_t inside = 0;
            for (auto n = at; n < end; ++n) inside += model.count(n);
            CHECK(set.in({at, end}).size() == inside);
            CHECK(set.overlaps({at, end}) == (inside > 0));
            std::uint64_t gap = at;
            while (model.contains(gap)) ++gap;
            CHECK(set.first_gap(at) == gap);
            for (std::size_t i = 1; i < set.ranges().size(); ++i)
                CHECK(set.ranges()[i - 1].last < set.ranges()[i].first);
        }
    }
}

}  // namespace flexfs
