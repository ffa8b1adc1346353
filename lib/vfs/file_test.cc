// Unsent and stored data of a file, without a mount.
#include "lib/vfs/file.h"

#include <doctest/doctest.h>

#include <string>

namespace flexfs::vfs {
namespace {

using cache::Budget;

Span span(std::uint64_t offset, const std::string& text, cache::Reservation memory = {}) {
    auto slab = std::make_shared<Slab>();
    slab->kept = Buffer::copy_of(text);
    slab->reservation = std::move(memory);
    const ByteView bytes = slab->kept.view();
    return {offset, std::move(slab), bytes};
}

cache::Reservation dirty_memory(Budget& budget, std::uint64_t bytes) {
    auto taken = budget.try_take(bytes, Budget::Kind::dirty);
    REQUIRE(taken);
    return std::move(*taken);
}

std::string text_of(const Layer& layer) {
    std::string text;
    for (const auto& [offset, part] : layer.all()) text += as_text(part.bytes);
    return text;
}

}  // namespace

TEST_CASE("a flight that fails is dirty again under what was written since, with time and loss") {
    Unsent unsent;
    unsent.write(span(0, "aaaaaa"), 1000, Loss::privileges);
    const auto first = unsent.begin_flight();
    unsent.take(first, {0, 6});
    unsent.send(first);
    CHECK(unsent.loss() == Loss::none);
    CHECK(unsent.loses(Loss::privileges));
    unsent.write(span(1, "bb"), 2000, Loss::none);
    const auto second = unsent.begin_flight();
    unsent.take(second, {0, 6});
    unsent.write(span(4, "c"), 3000, Loss::none);

    unsent.failed(first);
    CHECK(text_of(unsent.dirty()) == "aaca");  // "bb" is still in flight
    CHECK(unsent.loss() == Loss::privileges);
    CHECK(unsent.mtime() == 3000);
    CHECK(unsent.failures() == 1);
    unsent.failed(second);
    CHECK(text_of(unsent.dirty()) == "abbaca");
    CHECK(unsent.flights().empty());
}

TEST_CASE("a flight of a small file that is cut before it left is refused and made again") {
    Unsent unsent;
    unsent.write(span(4, "new"), 1000, Loss::none);
    const auto flight = unsent.begin_flight(7);
    unsent.take(flight, {0, 7});
    unsent.set_content(flight, Buffer::copy_of("old new"));

    unsent.drop({7, UINT64_MAX});
    CHECK(flight->inline_base() == 7);
    unsent.drop({0, UINT64_MAX});
    CHECK(flight->inline_base() == wire::inline_version_never);
    unsent.landed(flight);
}

TEST_CASE("a flight carries the time of the writes before it is sent, unless another is set") {
    Unsent unsent;
    unsent.write(span(0, "a"), 1000, Loss::none);
    const auto flight = unsent.begin_flight();
    unsent.take(flight, {0, 1});
    unsent.write(span(0, "b"), 2000, Loss::none);
    unsent.send(flight);
    CHECK(flight->mtime() == 2000);
    unsent.write(span(0, "c"), 3000, Loss::none);

    CHECK(unsent.forget_times() == 3000);
    CHECK(flight->mtime() == 0);
    CHECK(unsent.mtime() == 0);
    unsent.restore_time(3000);
    CHECK(unsent.mtime() == 3000);
}

TEST_CASE("bytes that a refused change had dropped are there again, the newest on top") {
    File file(1 << 20);
    file.unsent().write(span(0, "aaaaaa"), 1000, Loss::none);
    file.unsent().take(file.unsent().begin_flight(), {0, 6});
    file.unsent().write(span(2, "bb"), 2000, Loss::none);
    const Unsent::Removed dropped = file.punch({1, 5});
    CHECK(file.size() == 6);
    CHECK(text_of(file.unsent().dirty()).empty());
    CHECK(text_of(file.unsent().flights().front().data()) == "aa");

    file.unsent().restore(dropped, true);
    CHECK(text_of(file.unsent().dirty()) == "abba");
}

TEST_CASE(
    "appended bytes go to the end when the grant is lost, unless they may be stored already") {
    Unsent unsent;
    const auto append = [&](std::uint64_t offset, const std::string& text) {
        unsent.note_append({offset, offset + text.size()}, true);
        unsent.write(span(offset, text), 1000, Loss::none);
    };
    append(5, "aa");
    const auto first = unsent.begin_flight(0, 5);
    unsent.take(first, {0, 100});
    unsent.filled(first);
    unsent.send(first);
    append(7, "bb");
    const auto second = unsent.begin_flight(0, 5);
    unsent.take(second, {0, 100});
    unsent.filled(second);
    CHECK(first->expected_size() == 5);
    CHECK(second->expected_size() == 7);
    CHECK_FALSE(second->is_moved());

    // Its commit may have been executed, which does no harm while the grant is held.
    CHECK_FALSE(unsent.failed(first, wire::Fate::unknown));
    CHECK(second->expected_size() == wire::size_never);
    CHECK(text_of(unsent.dirty()) == "aa");
    CHECK(unsent.lose_places());
    CHECK(unsent.dirty().empty());
    CHECK_FALSE(unsent.failed(second));
    CHECK(unsent.floats_in({8, 9}));

    unsent.place_appended(50, false);
    CHECK(unsent.floats_in({50, 51}));
    CHECK_FALSE(unsent.floats_in({0, 50}));
    unsent.place_appended(60, true);
    CHECK_FALSE(unsent.floats());
    CHECK(unsent.dirty().covers({60, 62}));
}

TEST_CASE("a flight of appended bytes without a certain place holds whole writes") {
    Unsent unsent;
    for (const std::uint64_t at : {0, 4, 8}) {
        unsent.note_append({at, at + 4}, false);
        unsent.write(span(at, "text"), 1000, Loss::none);
    }
    const auto flight = unsent.begin_flight();
    unsent.take(flight, {0, 6});  // as at the end of a block
    unsent.failed(flight);

    unsent.place_appended(10, false);
    CHECK(unsent.end_of_flight(1) == 14);
    CHECK(unsent.end_of_flight(4) == 14);
    CHECK(unsent.end_of_flight(5) == 18);
    CHECK(unsent.end_of_flight(100) == UINT64_MAX);
    unsent.place_appended(10, true);
    CHECK(unsent.end_of_flight(1) == UINT64_MAX);
}

TEST_CASE("a commit of appended bytes without a certain place is not repeated") {
    Unsent unsent;
    unsent.note_append({5, 7}, false);
    unsent.write(span(5, "aa"), 1000, Loss::none);
    const auto flight = unsent.begin_flight(0, 5);
    unsent.take(flight, {0, 100});
    unsent.filled(flight);
    unsent.send(flight);
    CHECK(flight->is_moved());
    CHECK(flight->append_at() == 5);
    CHECK_FALSE(unsent.can_take(false));

    CHECK(unsent.failed(flight, wire::Fate::unknown));
    CHECK(unsent.empty());
}

TEST_CASE("appended bytes that a refused change had dropped are still appended ones") {
    Unsent unsent;
    unsent.note_append({5, 7}, true);
    unsent.write(span(5, "aa"), 1000, Loss::none);
    const Unsent::Removed removed = unsent.drop({0, 100});
    CHECK_FALSE(unsent.lose_places());
    CHECK_FALSE(unsent.floats());

    unsent.restore(removed, false);
    CHECK(unsent.floats_in({5, 7}));
}

TEST_CASE("inline data is one unit: the next flight waits for the one that changes it") {
    Unsent unsent;
    CHECK(unsent.can_take(true));
    const auto flight = unsent.begin_flight();
    CHECK(unsent.can_take(false));
    CHECK_FALSE(unsent.can_take(true));
    unsent.set_content(flight, Buffer::copy_of("text"));
    CHECK_FALSE(unsent.can_take(false));
    unsent.drop({2, 4});
    CHECK(flight->content().text() == "te");
    unsent.landed(flight);
    CHECK(unsent.can_take(true));
}

TEST_CASE(
    "memory is dirty until the last span in it has landed or is gone, and is given back once") {
    Budget budget(1000, 500);
    {
        Unsent unsent;
        unsent.write(span(0, "aaaaaa", dirty_memory(budget, 100)), 1000, Loss::none);
        const auto first = unsent.begin_flight();
        unsent.take(first, {0, 3});
        const Buffer cached = first->data().all().begin()->second.buffer();
        unsent.landed(first);
        CHECK(budget.dirty() == 100);  // because of the other half

        const auto second = unsent.begin_flight();
        unsent.take(second, {3, 6});
        unsent.failed(second);
        CHECK(budget.dirty() == 100);
        unsent.write(span(3, "bbb", dirty_memory(budget, 10)), 1000, Loss::none);
        CHECK(budget.dirty() == 10);
        CHECK(budget.used() == 110);  // a reader holds the rest
        CHECK(unsent.drop({0, UINT64_MAX}).spans.size() == 1);
        CHECK(budget.dirty() == 0);
        CHECK(budget.used() == 100);
    }
    CHECK(budget.used() == 0);
}

TEST_CASE("a commit's outcome adds to what is stored, as far as that is known") {
    constexpr std::uint32_t block = 1 << 20;
    Stored stored(block);
    stored.learn_extents(0, 1, {});
    Unsent unsent;
    unsent.write(span(0, "aaaa"), 1000, Loss::none);
    const auto flight = unsent.begin_flight();
    unsent.take(flight, {0, 4});
    wire::Extent extent;
    extent.len = 4;
    extent.segment = 1;

    auto used = stored.commit(*flight, std::vector{extent}, 0, 4, 0);
    CHECK(used.bytes == 4);
    CHECK(used.exact);
    CHECK(stored.size() == 4);
    used = stored.commit(*flight, std::vector{extent}, 0, 4, 4);
    CHECK(used.bytes == 4);
    extent.idx = 7;
    CHECK_FALSE(stored.commit(*flight, std::vector{extent}, 0, 4, 4).exact);
}

}  // namespace flexfs::vfs
