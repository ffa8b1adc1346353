#include "lib/cache/chunk_cache.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <random>

#include "lib/block/segment.h"
#include "lib/block/whole_frame_test.h"
#include "lib/object/faulty.h"
#include "lib/object/memory_store.h"

namespace flexfs::cache {
namespace {

constexpr std::uint32_t chunk = block::chunk_bytes;

// Returns data in which every chunk and every frame is different, compressible or not.
std::string data_of(int frame, std::size_t bytes, bool compressible) {
    std::mt19937_64 dice(std::uint64_t(frame) + 1);
    std::string data(bytes, char('a' + frame % 26));
    for (std::size_t at = 0; at < bytes; at += compressible ? 512 : 1) data[at] = char(dice());
    return data;
}

Task<std::vector<Buffer>> read_parts(ChunkCache& chunks, Budget& budget,
                                     std::vector<FramePart> parts) {
    auto memory = chunks.reserve(parts);
    if (!memory) {
        Account account(budget);
        co_await account.take(chunks.memory_for(parts));
        memory = account.hand_over();
    }
    co_return co_await chunks.finish(chunks.begin(parts, std::move(*memory)));
}

std::string text_of(const std::vector<Buffer>& pieces) {
    std::string text;
    for (const Buffer& piece : pieces) text += piece.text();
    return text;
}

struct Setup {
    int frames = 4;
    std::size_t bytes = 3 * chunk + 100;
    bool compressible = false;
    std::uint64_t limit = 8 << 20;
    Duration latency{};  // of the store
};

// A stored segment of frames and a cache that reads it.
struct Fixture {
    Setup setup;
    Loop loop;
    object::MemoryStore& store;
    object::Faulty front;
    Budget budget;
    std::vector<FrameAt> at;
    std::vector<std::string> data;
    ChunkCache chunks;

    explicit Fixture(Setup wanted = {}, std::unique_ptr<object::MemoryStore> memory =
                                            std::make_unique<object::MemoryStore>())
        : setup(wanted),
          store(*memory),
          front(loop, std::move(memory), {.latency = setup.latency}),
          budget(setup.limit, setup.limit / 4),
          chunks(loop, front, budget, {"v", 4 << 20, 4}) {
        fill();
    }
    ~Fixture() { CHECK(loop.run(chunks.close())); }

    void fill() {
        block::SegmentBuilder builder(7);
        for (int i = 0; i < setup.frames; ++i) {
            data.push_back(data_of(i, setup.bytes, setup.compressible));
            auto frame = block::encode_frame(
                {1, std::uint64_t(i), 0}, {Buffer::copy_of(data.back())}, wire::Compression::lz4);
            FrameAt made{7, 0, frame.stored, frame.check, wire::FrameForm::chunked, frame.chunks};
            made.pos = builder.add(std::move(frame));
            at.push_back(made);
        }
        CHECK(loop.run(store.put(block::segment_key("v", 7), builder.finish())));
    }
    FramePart part(int frame, std::uint32_t offset, std::uint32_t size) const {
        return {at[std::size_t(frame)], offset, size};
    }
    Result<std::string> read(std::vector<FramePart> parts) {
        TRY(const auto pieces, loop.run(read_parts(chunks, budget, std::move(parts))));
        return text_of(pieces);
    }
    bool reads_right(int frame, std::uint32_t offset, std::uint32_t size) {
        const auto text = read({part(frame, offset, size)});
        return text && *text == data[std::size_t(frame)].substr(offset, size);
    }
    // Replaces the segment by a copy with a flipped bit.
    void flip(std::size_t byte) {
        const std::string key = block::segment_key("v", 7);
        std::string bytes(loop.run(store.get(key))->text());
        bytes[byte] ^= 1;
        CHECK(loop.run(store.put(key, {Buffer::take(std::move(bytes))})));
    }
    std::uint64_t gets() const { return store.counters().gets; }
};

Task<void> read_one(ChunkCache& chunks, Budget& budget, FramePart part) {
    co_await read_parts(chunks, budget, {part});
}

}  // namespace

TEST_CASE("a chunk is fetched once, however many wait for it") {
    Fixture f;
    std::vector<Task<void>> tasks;
    for (std::uint32_t i = 0; i < 10; ++i)
        tasks.push_back(read_one(f.chunks, f.budget, f.part(0, 100 * i, 50)));

    CHECK(f.loop.run(task::all(std::move(tasks))));
    CHECK(f.gets() == 1);
    CHECK(f.chunks.counters().misses == 1);
}

TEST_CASE("a small read fetches the chunk that it lies in and nothing else") {
    for (const bool compressible : {true, false}) {
        Fixture f({.frames = 1, .bytes = 4 << 20, .compressible = compressible});
        CHECK(f.reads_right(0, 5 * chunk + 1000, 4096));
        CHECK(f.gets() == 1);
        CHECK(f.store.counters().get_bytes <= chunk + block::chunk_tail_bytes);
        CHECK(f.reads_right(0, 9 * chunk - 10, 20));
        CHECK(f.gets() == 2);
    }
}

TEST_CASE("chunks that lie near each other come with one request, also those of several frames") {
    Fixture f;
    const auto text = f.read(
        {f.part(1, chunk, 2 * chunk), f.part(0, 0, 5), f.part(2, 7, chunk), f.part(1, 0, 9)});
    REQUIRE(text);
    CHECK(*text == f.data[1].substr(chunk, 2 * chunk) + f.data[0].substr(0, 5) +
                       f.data[2].substr(7, chunk) + f.data[1].substr(0, 9));
    CHECK(f.gets() == 2);  // one for frame 1 and the start of frame 2; frame 0 is too far away
    CHECK(f.reads_right(3, 0, std::uint32_t(f.setup.bytes)));
    CHECK(f.gets() == 3);
}

TEST_CASE("the cache stays within its budget and gives way to others") {
    Fixture f({.frames = 40, .bytes = 100'000, .limit = 1 << 20});
    for (int i = 0; i < 40; ++i) {
        CHECK(f.reads_right(i, 0, 100'000));
        CHECK(f.budget.used() <= 1 << 20);
    }

    CHECK(f.budget.try_take(f.budget.most()));
    CHECK(f.budget.used() <= (1 << 20) / 8);
}

TEST_CASE("chunks that are read again survive a scan") {
    Fixture f({.frames = 100, .bytes = 20'000, .limit = 1 << 20});
    CHECK(f.reads_right(0, 0, 10));
    for (int i = 1; i < 20; ++i) f.reads_right(i, 0, 10);
    CHECK(f.reads_right(0, 0, 10));
    for (int i = 20; i < 100; ++i) f.reads_right(i, 0, 10);
    const auto before = f.gets();
    CHECK(f.reads_right(0, 0, 10));
    CHECK(f.gets() == before);
    CHECK(f.reads_right(25, 0, 10));
    CHECK(f.gets() == before + 1);
}

TEST_CASE("chunks that a reader has passed are evicted first, and are bounded") {
    Fixture f({.frames = 3, .bytes = 4 << 20, .limit = 32 << 20});
    const auto whole = [&](int frame) { return f.part(frame, 0, 4 << 20); };
    CHECK(f.read({f.part(2, 0, chunk)}));
    CHECK(f.read({whole(0)}));
    const auto used = f.budget.used();
    CHECK(f.read({whole(1)}));
    f.chunks.pass({whole(0)});
    f.chunks.pass({whole(1)});

    CHECK(f.budget.used() <= used + (1 << 20));
    const auto before = f.gets();
    CHECK(f.reads_right(1, 3 << 20, chunk));  // it was passed last
    CHECK(f.gets() == before);
    auto rest = f.budget.try_take(f.budget.most() - (1 << 20));
    CHECK(rest);
    CHECK(f.reads_right(2, 0, chunk));  // it was not passed
    CHECK(f.gets() == before);
}

TEST_CASE("a fetch that failed leaves nothing behind and is tried again") {
    Fixture f;
    FramePart wrong = f.part(0, 0, 10);
    wrong.frame.check ^= 1;
    CHECK(code_of(f.read({wrong})) == EIO);
    CHECK(f.budget.used() == 0);
    CHECK(f.reads_right(0, 0, 10));

    FramePart elsewhere = f.part(0, 0, 10);
    elsewhere.frame.segment = 8;
    CHECK(code_of(f.read({elsewhere})) == ENOENT);
    CHECK(f.read({elsewhere}).error().context.find("object v/") != std::string::npos);
    FramePart beyond = f.part(0, std::uint32_t(f.setup.bytes) - 5, 10);
    CHECK(code_of(f.read({beyond})) == EIO);
    beyond.offset += chunk;
    CHECK(code_of(f.read({beyond})) == EIO);
    FramePart odd = f.part(1, 0, 10);
    odd.frame.form = wire::FrameForm{7};
    CHECK(code_of(f.read({odd})) == EIO);
    odd.frame.form = wire::FrameForm::chunked;
    odd.frame.chunks = "nonsense";
    CHECK(code_of(f.read({odd})) == EIO);
}

TEST_CASE("damage costs the chunk that it is in; damage of a header costs no read") {
    Fixture f({.frames = 2});
    f.flip(f.at[1].pos + 10);                                         // header
    f.flip(f.at[1].pos + block::header_bytes + 3);                    // table
    f.flip(f.at[1].pos + block::header_bytes + 4 * 12 + chunk + 50);  // chunk 1
    const auto last = std::uint32_t(f.setup.bytes);

    CHECK(f.reads_right(1, 0, chunk));
    CHECK(f.reads_right(1, 2 * chunk, last - 2 * chunk));
    const auto bad = f.read({f.part(1, chunk - 1, 2)});
    CHECK(code_of(bad) == EIO);
    CHECK(bad.error().context.find("chunk 1 of the frame") != std::string::npos);
    CHECK(bad.error().context.find("object v/") != std::string::npos);
    CHECK(f.reads_right(0, 0, last));
}

TEST_CASE("a segment that has lost its end costs only the chunks that were there") {
    Fixture f;
    const std::string key = block::segment_key("v", 7);
    const Buffer whole = f.loop.run(f.store.get(key)).value();
    REQUIRE(f.loop.run(f.store.put(key, {whole.slice(0, f.at[3].pos + f.at[3].stored - 50)})));

    CHECK(code_of(f.read({f.part(3, 0, std::uint32_t(f.setup.bytes))})) == ERANGE);
    const std::uint64_t before = f.gets();
    CHECK(f.reads_right(3, 0, 3 * chunk));
    CHECK(f.gets() == before);
    CHECK(code_of(f.read({f.part(3, 3 * chunk, 100)})) == ERANGE);
}

TEST_CASE("whole frames of older programs are read") {
    Fixture f({.frames = 0});
    const std::string data = data_of(5, 300'000, true);
    for (const auto codec : {wire::Compression::none, wire::Compression::lz4}) {
        const Buffer stored = block::whole_frame({.ino = 1}, data, codec);
        const auto segment = wire::SegmentId(20 + int(codec));
        CHECK(f.loop.run(f.store.put(block::segment_key("v", segment), {stored})));
        const FrameAt at{segment, 0, std::uint32_t(stored.size()), block::check_of(stored)};
        CHECK(f.read({{at, 1000, 200'000}}).value() == data.substr(1000, 200'000));
        const auto before = f.gets();
        CHECK(f.read({{at, 0, 300'000}}).value() == data);
        CHECK(f.gets() == before);
        CHECK(code_of(f.read({{at, 299'999, 2}})) == EIO);
    }
}

TEST_CASE("data that was just written is in memory") {
    Fixture f({.frames = 1});
    std::vector<Buffer> pieces;
    for (std::size_t at = 0; at < f.setup.bytes; at += 50'000)
        pieces.push_back(Buffer::copy_of(std::string_view(f.data[0]).substr(at, 50'000)));
    f.chunks.put(f.at[0], pieces);
    CHECK(f.reads_right(0, 0, std::uint32_t(f.setup.bytes)));
    CHECK(f.reads_right(0, 49'990, 100'000));
    CHECK(f.gets() == 0);
}

TEST_CASE("a chunk that is there when it is wanted is a hit, one that is fetched for that a miss") {
    Fixture f;
    CHECK(f.reads_right(0, 0, 10));
    CHECK(f.chunks.counters().hits == 0);
    CHECK(f.chunks.counters().misses == 1);
    CHECK(f.reads_right(0, 10, 10));
    CHECK(f.chunks.counters().hits == 1);

    CHECK(f.chunks.prefetch({f.part(1, 0, 3 * chunk)}) == 1);
    CHECK(f.chunks.counters().misses == 1);
    CHECK(f.reads_right(1, 0, 3 * chunk));
    CHECK(f.reads_right(1, 0, 3 * chunk));
    CHECK(f.chunks.counters().misses == 1);
    CHECK(f.chunks.counters().hits == 4);
    CHECK(f.gets() == 2);
}

TEST_CASE("fetching ahead ends where memory does, and takes none from what is read") {
    Fixture f({.frames = 4, .limit = 7 * (chunk + 1000)});
    std::vector<FramePart> parts;
    for (int i = 0; i < 4; ++i) parts.push_back(f.part(i, 0, 3 * chunk));
    CHECK(f.chunks.prefetch(parts) == 2);
    CHECK(f.reads_right(0, 0, chunk));
    CHECK(f.reads_right(1, 0, chunk));
    auto all = f.budget.claim(f.budget.limit());
    CHECK(f.chunks.prefetch(parts) == 0);
}

TEST_CASE("copying gives the same bytes, keeps nothing, and takes each chunk once") {
    for (const bool compressible : {true, false}) {
        Fixture f({.frames = 30, .compressible = compressible});
        std::vector<FramePart> parts;
        std::string expected;
        for (int i = 29; i >= 0; --i)
            for (const std::uint32_t offset : {chunk - 5, 10u, 2 * chunk}) {
                parts.push_back(f.part(i, offset, 90));
                expected += f.data[std::size_t(i)].substr(offset, 90);
            }
        CHECK(f.reads_right(3, 0, 100));
        const auto used = f.budget.used();
        std::string copied(expected.size(), '\0');
        std::vector<MutableBytes> into;
        for (std::size_t at = 0; at < copied.size(); at += 90)
            into.push_back(std::as_writable_bytes(std::span(copied).subspan(at, 90)));

        CHECK(f.chunks.memory_to_copy(parts) <= 2 << 20);
        const auto before = f.store.counters().get_bytes;
        CHECK(f.loop.run(f.chunks.copy(parts, into)));
        CHECK(copied == expected);
        CHECK(f.budget.used() == used);
        CHECK(f.store.counters().get_bytes - before <= 30 * (3 * chunk + 1000));

        parts[0].frame.check ^= 1;
        CHECK(code_of(f.loop.run(f.chunks.copy(parts, into))) == EIO);
    }
}

namespace {

// Runs many tasks at once with memory for a few. A waiting task holds nothing, so all of them
// finish.
struct Stress {
    Setup setup{.frames = 12,
                .bytes = 5 * chunk,
                .compressible = true,
                .limit = 2 << 20,
                .latency = std::chrono::microseconds(200)};
    Fixture f{setup};
    std::mt19937_64 dice;
    int wrong = 0;
    bool done = false;

    std::vector<FramePart> some(int count) {
        std::vector<FramePart> parts;
        for (int i = 0; i < count; ++i) {
            const auto offset = std::uint32_t(dice() % (setup.bytes - 1));
            const auto size =
                1 + std::uint32_t(dice() % std::min<std::size_t>(setup.bytes - offset, 3 * chunk));
            parts.push_back(f.part(int(dice() % 12), offset, size));
        }
        return parts;
    }
    std::string expected(const std::vector<FramePart>& parts) const {
        std::string text;
        for (const FramePart& part : parts)
            for (std::size_t i = 0; i < f.at.size(); ++i)
                if (f.at[i].pos == part.frame.pos) text += f.data[i].substr(part.offset, part.size);
        return text;
    }
    Task<void> reader(int rounds) {
        for (int i = 0; i < rounds; ++i) {
            const std::vector<FramePart> parts = some(1 + int(dice() % 2));
            if (f.chunks.memory_for(parts) > setup.limit / 2) continue;
            const auto pieces = co_await read_parts(f.chunks, f.budget, parts);
            if (text_of(pieces) != expected(parts)) ++wrong;
            if (dice() % 4 == 0) f.chunks.pass(parts);
            if (dice() % 4 == 0) f.chunks.prefetch(some(1));
        }
    }
    Task<void> writer(int rounds) {
        for (int i = 0; i < rounds; ++i) {
            Account dirty(f.budget, Budget::Kind::dirty);
            co_await dirty.take(1 + dice() % (setup.limit / 8));
            co_await f.loop.sleep(std::chrono::microseconds(dice() % 500));
        }
    }
    Task<void> copier(int rounds) {
        for (int i = 0; i < rounds; ++i) {
            const std::vector<FramePart> parts = some(1);
            const auto memory = f.budget.try_take(f.chunks.memory_to_copy(parts));
            if (memory) {
                std::string copied(parts[0].size, '\0');
                co_await f.chunks.copy(parts, {std::as_writable_bytes(std::span(copied))});
                if (copied != expected(parts)) ++wrong;
            }
            co_await f.loop.sleep(std::chrono::microseconds(300));
        }
    }
    Task<void> all(std::vector<Task<void>> tasks) {
        co_await task::all(std::move(tasks));
        done = true;
    }
    Task<void> watchdog(Scope& scope) {
        for (int i = 0; i < 600 && !done; ++i) co_await f.loop.sleep(std::chrono::milliseconds(50));
        if (!done) scope.cancel();
    }
};

}  // namespace

TEST_CASE("with little memory, readers, writers and copiers all come to an end and read right") {
    const std::uint64_t seed =
        std::getenv("SEED") ? std::strtoull(std::getenv("SEED"), nullptr, 0) : 1;
    MESSAGE("SEED=", seed);
    Stress s;
    s.dice.seed(seed);
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 24; ++i) tasks.push_back(s.reader(40));
    for (int i = 0; i < 3; ++i) tasks.push_back(s.writer(60));
    tasks.push_back(s.copier(60));
    Scope scope;
    scope.start(s.all(std::move(tasks)));
    CHECK(s.f.loop.run(s.watchdog(scope)));
    CHECK(s.f.loop.run(scope.join()));

    CHECK(s.done);
    CHECK(s.wrong == 0);
    CHECK(s.f.budget.used() <= s.setup.limit);
}

}  // namespace flexfs::cache
