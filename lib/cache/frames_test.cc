#include "lib/cache/frames.h"

#include <doctest/doctest.h>

#include "lib/block/segment.h"
#include "lib/object/memory_store.h"

namespace flexfs::cache {
namespace {

// A segment of `count` frames of `bytes` each; frame i is full of the byte i.
struct Fixture {
    Loop loop;
    object::MemoryStore store;
    Budget budget;
    std::vector<FrameAt> at;
    Frames frames;

    Fixture(int count, std::size_t bytes, std::uint64_t limit)
        : budget(limit, limit / 4), frames(loop, store, budget, {"v", 256 << 10, 4}) {
        block::SegmentBuilder builder(7);
        for (int i = 0; i < count; ++i) {
            const std::string data(bytes, char(i));
            auto frame = block::encode_frame({1, std::uint64_t(i), 0}, {Buffer::copy_of(data)},
                                             wire::Compression::none);
            FrameAt made{7, 0, frame.stored, frame.check};
            made.pos = builder.add(std::move(frame));
            at.push_back(made);
        }
        CHECK(loop.run(store.put(block::segment_key("v", 7), builder.finish())));
    }
    ~Fixture() { CHECK(loop.run(frames.close())); }

    char first_byte(int i) {
        const FramePtr frame = loop.run(frames.get(at[std::size_t(i)])).value();
        std::vector<Buffer> data;
        frame->append_to(data, 0, 1);
        return data[0].text()[0];
    }
};

Task<void> get_all(Frames& frames, std::vector<FrameAt> at) {
    for (const FrameAt& one : at) co_await frames.get(one);
}

}  // namespace

TEST_CASE("a frame is fetched once, however many wait for it") {
    Fixture f(1, 100'000, 8 << 20);
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 10; ++i) tasks.push_back(get_all(f.frames, {f.at[0]}));

    CHECK(f.loop.run(task::all(std::move(tasks))));
    CHECK(f.store.counters().gets == 1);
    CHECK(f.frames.find(f.at[0]));
}

TEST_CASE("neighbours in a segment come with one request") {
    Fixture f(10, 1000, 8 << 20);
    f.frames.fetch({f.at[3], f.at[1], f.at[2], f.at[5]});

    CHECK(f.first_byte(5) == 5);
    CHECK(f.first_byte(2) == 2);
    CHECK(f.store.counters().gets == 1);
}

TEST_CASE("the cache stays within its budget and gives way to who needs memory") {
    Fixture f(40, 100'000, 1 << 20);
    for (int i = 0; i < 40; ++i) CHECK(f.first_byte(i) == char(i));
    CHECK(f.budget.used() <= 1 << 20);

    CHECK(f.budget.try_take(f.budget.most()));
    CHECK(f.budget.used() <= (1 << 20) / 8);
}

TEST_CASE("what is asked for again outlasts a scan") {
    Fixture f(60, 20'000, 1 << 20);
    CHECK(f.first_byte(0) == 0);
    for (int i = 1; i < 20; ++i) f.first_byte(i);
    CHECK(f.first_byte(0) == 0);
    const auto before = f.store.counters().gets;
    for (int i = 20; i < 60; ++i) f.first_byte(i);

    CHECK(f.frames.find(f.at[0]));
    CHECK_FALSE(f.frames.find(f.at[1]));
    CHECK(f.store.counters().gets - before == 40);
}

TEST_CASE("prefetching takes no memory from who waits, and says how far it got") {
    Fixture f(40, 100'000, 1 << 20);
    const auto held = f.budget.try_take(700'000);

    const std::size_t covered = f.frames.prefetch(f.at);
    CHECK(covered < 5);
    CHECK(f.budget.used() <= 1 << 20);
}

TEST_CASE("a damaged frame is an error for those who want it, and is asked for again") {
    Fixture f(2, 1000, 8 << 20);
    FrameAt wrong = f.at[0];
    wrong.check ^= 1;

    CHECK(code_of(f.loop.run(f.frames.get(wrong))) == EIO);
    CHECK(f.first_byte(0) == 0);
    CHECK(f.first_byte(1) == 1);
    CHECK(code_of(f.loop.run(f.frames.get({8, 0, 100, 0}))) == ENOENT);
}

TEST_CASE("a frame that is there when it is wanted is a hit, one that is fetched for it a miss") {
    Fixture f(3, 100, 8 << 20);
    f.frames.fetch({f.at[0]});
    CHECK(f.first_byte(0) == 0);
    CHECK(f.frames.counters().hits == 0);
    CHECK(f.frames.counters().misses == 1);
    CHECK(f.first_byte(1) == 1);
    CHECK(f.frames.counters().misses == 2);
    CHECK(f.first_byte(0) == 0);
    CHECK(f.first_byte(1) == 1);
    CHECK(f.frames.counters().hits == 2);

    CHECK(f.frames.prefetch({f.at[2]}) == 1);
    CHECK(f.first_byte(2) == 2);
    CHECK(f.frames.counters().misses == 2);
}

}  // namespace flexfs::cache
