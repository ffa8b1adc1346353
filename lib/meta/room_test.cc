// Space that fallocate reserves: unwritten extents below the data.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "lib/meta/fixture_test.h"

namespace flexfs::meta {
namespace {

constexpr std::uint64_t block = 256 << 10;
constexpr std::uint64_t page = wire::page_bytes;
constexpr std::uint32_t keep = FALLOC_FL_KEEP_SIZE;
constexpr std::uint32_t zero = FALLOC_FL_ZERO_RANGE;
constexpr std::uint32_t punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

struct Rooms : Fixture {
    explicit Rooms(std::uint64_t max_blocks = 0)
        : Fixture({.block_bytes = block, .max_blocks = max_blocks}) {}

    Result<wire::RangeDone> allocate(Ino ino, std::uint32_t mode, std::uint64_t offset,
                                     std::uint64_t length) {
        return apply(wire::Allocate{
            .ino = ino, .mode = mode, .offset = offset, .length = length, .now = ++now});
    }
    // Repeats until the range is done, and returns the number of steps.
    int allocate_all(Ino ino, std::uint32_t mode, std::uint64_t offset, std::uint64_t length) {
        int steps = 0;
        for (; length > 0; ++steps) {
            const std::uint64_t done = allocate(ino, mode, offset, length).value().length;
            REQUIRE(done > 0);
            offset += done;
            length -= done;
        }
        return steps;
    }
    std::uint64_t used(Ino ino) { return attr(ino).used; }
    std::uint64_t total() { return volume->read(wire::StatFs()).value().used_bytes; }
    std::size_t unwritten(Ino ino) {
        const auto rows = extents(ino).extents;
        return std::size_t(std::ranges::count_if(rows, &wire::Extent::is_unwritten));
    }
};

}  // namespace

TEST_CASE("room is kept in whole pages, and once however often it is asked for") {
    Rooms f;
    const Ino a = f.create(1, "a");
    const auto done = f.allocate(a, 0, page - 1, 2).value();
    CHECK(done.attr.size == page + 1);
    CHECK(done.attr.used == 2 * page);
    CHECK(done.length == 2);
    f.allocate_all(a, 0, 0, page + 1);
    CHECK(f.used(a) == 2 * page);
    f.allocate_all(a, keep, 2 * page, block);
    CHECK(f.used(a) == 2 * page + block);
    CHECK(f.attr(a).size == page + 1);
    CHECK(f.unwritten(a) == 2);
    for (std::uint64_t at = 0; at < 20; ++at) f.allocate_all(a, keep, (40 - at) * page, page);
    CHECK(f.unwritten(a) == 2);
    CHECK(f.total() == f.used(a));
}

TEST_CASE("writes into reserved space count once and fit in a full volume") {
    Rooms f(4);
    const Ino a = f.create(1, "a"), b = f.create(1, "b");
    f.allocate_all(a, keep, 100, 2 * block);
    CHECK(f.used(a) == 2 * block + page);
    CHECK(f.write(b, {0, block}, block).errors[0] == ENOSPC);
    CHECK(f.write(b, {0}, 2 * block - page).errors[0] == EINVAL);
    CHECK(f.write(b, {0}, block).errors[0] == 0);
    CHECK(f.write(b, {block}, block - page).errors[0] == 0);
    CHECK(f.write(b, {block}, block).errors[0] == ENOSPC);

    CHECK(f.write(a, {50, 60'000, block}, 50'000).errors[0] == 0);
    CHECK(f.write(a, {0}, block).errors[0] == 0);
    CHECK(f.write(a, {2 * block}, page).errors[0] == 0);
    CHECK(f.write(a, {2 * block}, page + 1).errors[0] == ENOSPC);
    CHECK(f.used(a) == 2 * block + page);
    CHECK(f.total() == 4 * block);
    f.truncate(a, 0);
    CHECK(f.total() == 2 * block - page);
}

TEST_CASE("room is refused where the volume has none, and nothing is changed") {
    Rooms f(4);
    const Ino a = f.create(1, "a"), b = f.create(1, "b");
    f.write(a, {0, block}, block);
    const auto before = f.dump();
    CHECK(code_of(f.allocate(b, 0, 0, 2 * block + 1)) == ENOSPC);
    CHECK(code_of(f.allocate(a, zero, block + 1, 3 * block)) == ENOSPC);
    CHECK(code_of(f.allocate(a, keep, std::uint64_t{1} << 50, std::uint64_t{1} << 50)) == ENOSPC);
    CHECK(f.dump() == before);
    CHECK(code_of(f.allocate(a, 0, 0, 4 * block)) == 0);
    CHECK(code_of(f.allocate(a, 0, 0, 4 * block)) == 0);
    CHECK(code_of(f.allocate(b, 0, 0, 1)) == ENOSPC);
    REQUIRE(f.allocate(a, punch, 0, block));
    CHECK(code_of(f.allocate(b, 0, 0, block + 1)) == ENOSPC);
    CHECK(code_of(f.allocate(b, 0, 0, block)) == 0);
}

TEST_CASE("a plan of more rows than any disk has is ENOSPC without a limit, too") {
    Rooms f;
    const Ino a = f.create(1, "a");
    CHECK(code_of(f.allocate(a, 0, 0, wire::file_bytes_max)) == ENOSPC);
    CHECK(f.attr(a).size == 0);
}

TEST_CASE("holes take whole pages of the room, and data to the byte") {
    Rooms f;
    const Ino a = f.create(1, "a");
    f.allocate_all(a, 0, 0, 10 * page);
    REQUIRE(f.allocate(a, punch, 1, 2 * page - 2));
    CHECK(f.used(a) == 10 * page);
    REQUIRE(f.allocate(a, punch, 1, 2 * page - 1));
    CHECK(f.used(a) == 9 * page);
    f.write(a, {4 * page}, 2 * page);
    REQUIRE(f.allocate(a, punch, 4 * page + 5, 2 * page - 5));
    CHECK(f.used(a) == 8 * page);
    CHECK(f.unwritten(a) == 3);
    REQUIRE(f.allocate(a, punch, 0, std::uint64_t{1} << 40));
    CHECK(f.used(a) == 0);
    CHECK(f.extents(a).extents.empty());
}

TEST_CASE("truncation gives back the room behind the end, also when the size stays; growing none") {
    Rooms f;
    const Ino a = f.create(1, "a");
    f.allocate_all(a, keep, 0, 3 * block);
    f.truncate(a, 100);
    CHECK(f.used(a) == 3 * block);
    f.truncate(a, 100);
    CHECK(f.used(a) == page);
    f.allocate_all(a, keep, 0, 3 * block);
    f.truncate(a, 2 * block);
    CHECK(f.used(a) == 3 * block);
    f.write(a, {block}, 10);
    f.truncate(a, block);
    CHECK(f.used(a) == block);
    f.truncate(a, 0);
    CHECK(f.used(a) == 0);
}

TEST_CASE("zeroed ranges have room, and what lay in them is gone") {
    Rooms f;
    const Ino a = f.create(1, "a");
    f.write(a, {0, block, 2 * block}, block);
    REQUIRE(f.allocate(a, punch, block, block));
    CHECK(f.used(a) == 2 * block);
    const auto done = f.allocate(a, zero, block - 1, block + 2).value();
    CHECK(done.length == block + 2);
    CHECK(done.attr.used == 3 * block);
    const auto rows = f.extents(a).extents;
    REQUIRE(rows.size() == 5);
    CHECK(rows[0].is_unwritten());
    CHECK(rows[0].off == block - page);
    CHECK(rows[1].len == block - 1);
    CHECK(rows[2].len == block);
    CHECK(rows[4].off == 1);
    f.allocate_all(a, zero, 0, 4 * block);
    CHECK(f.used(a) == 4 * block);
    CHECK(f.attr(a).size == 4 * block);
    CHECK(f.unwritten(a) == 4);
    CHECK(f.extents(a).extents.size() == 4);
    CHECK(f.garbage().size() == 1);
}

TEST_CASE("room below what is inline counts once, and is there when that is cut or moves away") {
    Rooms f;
    const Ino a = f.create(1, "a");
    f.write_inline(a, std::string(5000, 'x'));
    REQUIRE(f.allocate(a, keep, page, page));
    CHECK(f.used(a) == 2 * page);
    CHECK(f.extents(a).inline_data.size() == 5000);
    f.truncate(a, 4999);
    CHECK(f.used(a) == 2 * page);
    CHECK(f.write_inline(a, "less").errors[0] == EAGAIN);

    wire::Commit commit{.segments = {{7, 5000}}};
    commit.inodes.push_back({.ino = a, .clear_inline = true});
    commit.inodes.back().extents = {{.len = 3 * page, .segment = 7, .stored = 5000}};
    CHECK(f.apply(commit).value().errors[0] == 0);
    CHECK(f.used(a) == 3 * page);
    f.truncate(a, 10);
    CHECK(f.used(a) == 10);

    const Ino b = f.create(1, "b");
    f.write_inline(b, std::string(5000, 'x'));
    REQUIRE(f.allocate(b, zero | keep, 1000, 1 << 20));
    CHECK(f.used(b) == (1 << 20) + page);
    CHECK(f.extents(b).inline_data.size() == 1000);
    REQUIRE(f.allocate(b, punch, 0, page));
    CHECK(f.used(b) == 1 << 20);
    f.truncate(b, 0);
    CHECK(f.write_inline(b, "again").errors[0] == 0);
    CHECK(f.used(b) == 5);
}

TEST_CASE("copies take data, not room; the target keeps the room that it has") {
    Rooms f;
    const Ino a = f.create(1, "a"), b = f.create(1, "b");
    f.allocate_all(a, 0, 0, 2 * block);
    f.write(a, {100}, 1000);
    f.allocate_all(b, 0, 0, 2 * page);
    f.write(b, {0, block}, 3 * page);
    CHECK(f.used(b) == 6 * page);
    const wire::CopyRange request{
        .from = a, .ino = b, .offset = page, .length = 2 * block, .now = ++f.now};
    CHECK(f.apply(request).value().attr.used == 2 * page);
    CHECK(f.extents(b).extents.size() == 3);
    CHECK(f.attr(b).size == page + 2 * block);
    REQUIRE(f.allocate(b, punch, 0, 2 * block));
    CHECK(f.used(b) == 0);
}

TEST_CASE("compaction neither needs nor changes unwritten extents") {
    Rooms f;
    const Ino a = f.create(1, "a");
    f.write(a, {0, 100}, 100);
    f.allocate_all(a, 0, 0, block);
    auto rows = f.extents(a).extents;
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].is_unwritten());
    wire::Compact request{
        .ino = a, .expected = {rows[1].seq, rows[2].seq}, .segments = {{50, 1000}}};
    request.replacement = {{.len = 200, .segment = 50, .stored = 200}};
    REQUIRE(f.apply(request));
    rows = f.extents(a).extents;
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].is_unwritten());
    CHECK(rows[1].segment == 50);
    CHECK(f.used(a) == block);
}

TEST_CASE("a commit of an unwritten extent is refused") {
    Rooms f;
    const Ino a = f.create(1, "a");
    wire::Commit commit;
    commit.inodes.push_back({.ino = a});
    commit.inodes.back().extents = {{.len = page}};
    CHECK(f.apply(commit).value().errors[0] == ESTALE);
}

TEST_CASE("room outlives a kill and a restart, and goes with its file") {
    Rooms f;
    const SessionId session = f.session();
    const Ino a = f.create(1, "a");
    f.allocate_all(a, 0, 0, 2 * block);
    f.crash();
    CHECK(f.used(a) == 2 * block);
    f.reopen();
    CHECK(f.unwritten(a) == 2);
    REQUIRE(f.volume->apply(session, wire::Unlink{.parent = 1, .name = "a"}, {session}));
    CHECK(f.total() == 2 * block);
    f.end(session);
    CHECK(f.total() == 0);
    CHECK(f.dump().find("\nextent") == std::string::npos);
}

TEST_CASE("much room is kept, cut off and given back in bounded steps") {
    Rooms f;
    const Ino a = f.create(1, "a");
    CHECK(f.allocate_all(a, 0, page, 5000 * block) == 5);
    CHECK(f.used(a) == 5000 * block);
    CHECK(f.allocate_all(a, 0, 0, 5000 * block) == 5);
    CHECK(f.used(a) == 5000 * block + page);
    f.truncate(a, 10 * block);
    CHECK(f.volume->needs_upkeep());
    CHECK(f.unwritten(a) == 10);
    f.allocate_all(a, keep, 3000 * block, 2 * block);
    CHECK(f.unwritten(a) == 12);
    f.crash();
    CHECK(f.upkeep(500) > 5);
    CHECK(f.used(a) == 12 * block);
    CHECK(f.unwritten(a) == 12);
    f.allocate_all(a, 0, 0, 3000 * block);
    REQUIRE(f.apply(wire::Unlink{.parent = 1, .name = "a"}));
    CHECK(f.total() == 0);
    f.upkeep(100);
    CHECK(f.dump().find("\nextent") == std::string::npos);
}

}  // namespace flexfs::meta
