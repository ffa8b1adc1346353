// Holes punched into files, and ranges copied by sharing.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <cerrno>

#include "lib/meta/fixture_test.h"

namespace flexfs::meta {
namespace {

constexpr std::uint64_t block = 4 << 20;
constexpr std::uint64_t kib = 1024;
constexpr std::uint32_t punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

wire::Allocate request(Fixture& f, Ino ino, std::uint32_t mode, std::uint64_t offset,
                       std::uint64_t length) {
    return {.ino = ino, .mode = mode, .offset = offset, .length = length, .now = ++f.now};
}

wire::CopyRange copying(Fixture& f, Ino from, std::uint64_t from_offset, Ino to,
                        std::uint64_t offset, std::uint64_t length) {
    return {.from = from,
            .from_offset = from_offset,
            .ino = to,
            .offset = offset,
            .length = length,
            .now = ++f.now};
}

}  // namespace

TEST_CASE("a hole in the middle of an extent leaves its two ends, and the size") {
    Fixture f;
    const Ino a = f.create(1, "a");
    f.write(a, {block}, 100 * kib);
    const auto done = f.apply(request(f, a, punch, block + 10 * kib, 30 * kib)).value();
    CHECK(done.length == 30 * kib);
    CHECK(done.attr.size == block + 100 * kib);
    CHECK(done.attr.used == 70 * kib);
    CHECK(done.attr.mtime == f.now);
    CHECK(done.attr.ctime == f.now);

    const auto rows = f.extents(a).extents;
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].off == 0);
    CHECK(rows[0].len == 10 * kib);
    CHECK(rows[0].skip == 0);
    CHECK(rows[1].off == 40 * kib);
    CHECK(rows[1].len == 60 * kib);
    CHECK(rows[1].skip == 40 * kib);
    CHECK(rows[1].pos == rows[0].pos);
    f.truncate(a, 0);
    CHECK(f.garbage().size() == 1);
}

TEST_CASE("layers over an extent that is split cover both parts") {
    Fixture f;
    const Ino a = f.create(1, "a");
    f.write(a, {0}, 100 * kib);
    f.write(a, {20 * kib}, 10 * kib);
    REQUIRE(f.apply(request(f, a, punch, 50 * kib, kib)));

    const auto rows = f.extents(a).extents;
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].check == rows[1].check);
    CHECK(rows[2].off == 20 * kib);
    CHECK(f.attr(a).used == 99 * kib);
}

TEST_CASE("a hole over whole blocks frees their segments, and nothing else") {
    Fixture f;
    const Ino a = f.create(1, "a");
    for (std::uint64_t idx = 0; idx < 4; ++idx) f.write(a, {idx * block}, block);
    REQUIRE(f.apply(request(f, a, punch, block, 2 * block)));
    CHECK(f.attr(a).used == 2 * block);
    CHECK(f.attr(a).size == 4 * block);
    CHECK(f.garbage() == std::vector<SegmentId>{1'000'001, 1'000'002});
}

TEST_CASE("the bytes of a small file are zeroed where they are, and forgotten at the end") {
    Fixture f;
    const Ino a = f.create(1, "a");
    f.write_inline(a, "0123456789");
    REQUIRE(f.apply(request(f, a, punch, 2, 3)));
    CHECK(f.extents(a).inline_data.text() == std::string("01\0\0\0"
                                                         "56789",
                                                         10));
    CHECK(f.attr(a).used == 10);
    REQUIRE(f.apply(request(f, a, punch, 4, 1000)));
    CHECK(f.extents(a).inline_data.size() == 4);
    CHECK(f.attr(a).size == 10);
    CHECK(f.attr(a).used == 4);
    REQUIRE(f.apply(request(f, a, FALLOC_FL_ZERO_RANGE, 0, 20)));
    CHECK(f.attr(a).size == 20);
    CHECK(f.extents(a).inline_data.empty());
}

TEST_CASE("the last bytes of a packed small file are forgotten, and its middle is not looked at") {
    Fixture f;
    const Ino a = f.create(1, "a"), hole = f.create(1, "hole");
    f.truncate(hole, block);
    wire::Commit commit;
    commit.inodes.push_back({.ino = a,
                             .set_inline = true,
                             .inline_data = Buffer::copy_of("packed"),
                             .inline_bytes = 10});
    REQUIRE(f.apply(commit));
    CHECK(code_of(f.apply(request(f, a, punch, 2, 3))) == EAGAIN);
    CHECK(code_of(f.apply(request(f, a, FALLOC_FL_ZERO_RANGE, 0, 9))) == EAGAIN);
    CHECK(code_of(f.apply(copying(f, hole, 0, a, 5, 4))) == EAGAIN);
    CHECK(f.extents(a).inline_data.text() == "packed");
    CHECK(f.extents(a).inline_bytes == 10);
    REQUIRE(f.apply(request(f, a, punch, 4, 1000)));
    CHECK(f.extents(a).inline_data.text() == "packed");
    CHECK(f.extents(a).inline_bytes == 4);
    CHECK(f.attr(a).size == 10);
    CHECK(f.attr(a).used == 4);
    REQUIRE(f.apply(request(f, a, FALLOC_FL_ZERO_RANGE, 0, 20)));
    CHECK(f.extents(a).inline_data.empty());
}

TEST_CASE("fallocate grows the size unless it is to keep it, and never shrinks it") {
    Fixture f;
    const Ino a = f.create(1, "a");
    CHECK(f.apply(request(f, a, FALLOC_FL_KEEP_SIZE, 0, 100)).value().attr.size == 0);
    CHECK(f.apply(request(f, a, 0, 50, 100)).value().attr.size == 150);
    CHECK(f.apply(request(f, a, 0, 0, 10)).value().attr.size == 150);
    CHECK(f.apply(request(f, a, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 100, 100))
              .value()
              .attr.size == 150);
    CHECK(f.apply(request(f, a, FALLOC_FL_ZERO_RANGE, 100, 100)).value().attr.size == 200);
    auto longer = request(f, a, punch, 0, 10);
    longer.size = 300;
    CHECK(f.apply(longer).value().attr.size == 300);
}

TEST_CASE("unsupported fallocate requests are refused with their errno") {
    Fixture f;
    const Ino a = f.create(1, "a");
    const auto code = [&](Ino ino, std::uint32_t mode, std::uint64_t offset, std::uint64_t length) {
        return code_of(f.apply(request(f, ino, mode, offset, length)));
    };
    CHECK(code(99, 0, 0, 1) == ESTALE);
    CHECK(code(1, 0, 0, 1) == EISDIR);
    CHECK(code(f.make(1, "pipe", S_IFIFO | 0644, {}), 0, 0, 1) == EINVAL);
    CHECK(code(a, 0, 0, 0) == EINVAL);
    CHECK(code(a, FALLOC_FL_PUNCH_HOLE, 0, 1) == EOPNOTSUPP);
    CHECK(code(a, punch | FALLOC_FL_ZERO_RANGE, 0, 1) == EOPNOTSUPP);
    CHECK(code(a, FALLOC_FL_COLLAPSE_RANGE, 0, 4096) == EOPNOTSUPP);
    CHECK(code(a, FALLOC_FL_INSERT_RANGE, 0, 4096) == EOPNOTSUPP);
    CHECK(code(a, 1 << 20, 0, 1) == EOPNOTSUPP);
    CHECK(code(a, 0, wire::file_bytes_max, 1) == EFBIG);
    CHECK(code(a, 0, UINT64_MAX, 1) == EFBIG);
    CHECK(code(a, punch, 1, UINT64_MAX) == EFBIG);
    CHECK(code(a, 0, wire::file_bytes_max - 1, 1) == 0);
}

TEST_CASE("fallocate takes setuid away only where it is told to") {
    Fixture f;
    const Ino a = f.create(1, "a", 06755);
    REQUIRE(f.apply(request(f, a, 0, 0, 10)));
    CHECK((f.attr(a).mode & 07777) == 06755);
    auto kills = request(f, a, 0, 0, 10);
    kills.kill_privileges = true;
    REQUIRE(f.apply(kills));
    CHECK((f.attr(a).mode & 07777) == 0755);
}

TEST_CASE("an immutable file is not changed, an append-only one only made longer") {
    Fixture f;
    const Ino a = f.create(1, "a"), b = f.create(1, "b");
    f.write(b, {0}, kib);
    const auto set = [&](std::uint32_t flags) {
        wire::SetAttr request{.ino = a, .mask = wire::set_flags, .now = ++f.now};
        request.attr.flags = flags;
        REQUIRE(f.apply(request));
    };
    set(wire::flag_append);
    CHECK(code_of(f.apply(request(f, a, punch, 0, 1))) == EPERM);
    CHECK(code_of(f.apply(request(f, a, FALLOC_FL_ZERO_RANGE, 0, 1))) == EPERM);
    CHECK(code_of(f.apply(request(f, a, 0, 0, 1))) == 0);
    set(wire::flag_immutable);
    CHECK(code_of(f.apply(request(f, a, FALLOC_FL_KEEP_SIZE, 0, 1))) == EPERM);
    CHECK(code_of(f.apply(copying(f, b, 0, a, 0, kib))) == EPERM);
    set(0);
}

TEST_CASE("a huge hole is made in bounded steps, one over nothing at once") {
    Fixture f({.block_bytes = 256 << 10});
    const Ino a = f.create(1, "a");
    const std::uint64_t small = 256 << 10;
    for (std::uint64_t idx = 0; idx < 3000; ++idx) f.write(a, {idx * small}, 10);
    auto whole = request(f, a, punch, 5, std::uint64_t{1} << 50);
    int steps = 0;
    while (whole.length > 0) {
        const std::uint64_t done = f.apply(whole).value().length;
        REQUIRE(done > 0);
        whole.offset += done;
        whole.length -= done;
        ++steps;
    }
    CHECK(steps == 3);
    CHECK(f.attr(a).used == 5);
}

TEST_CASE("a compaction that read the block before a hole was made changes nothing") {
    Fixture f;
    const Ino a = f.create(1, "a");
    f.write(a, {0, 64 * kib}, 64 * kib);
    const auto rows = f.extents(a).extents;
    wire::Compact compact{.ino = a, .idx = 0, .segments = {{77, 1 << 20}}};
    for (const wire::Extent& row : rows) compact.expected.push_back(row.seq);
    compact.replacement = {{.len = 128 * kib, .segment = 77, .stored = 100}};
    REQUIRE(f.apply(request(f, a, punch, kib, kib)));

    CHECK(code_of(f.apply(compact)) == EAGAIN);
}

TEST_CASE("a copied range shares frames, and each file counts its own bytes") {
    Fixture f;
    const Ino a = f.create(1, "a"), b = f.create(1, "b");
    f.write(a, {0, block, 3 * block}, block);
    const auto done = f.apply(copying(f, a, 0, b, 0, 10 * block)).value();
    CHECK(done.length == 4 * block);
    CHECK(done.attr.size == 4 * block);
    CHECK(done.attr.used == 3 * block);
    CHECK(done.attr.mtime == f.now);
    CHECK(f.volume->read(wire::StatFs()).value().used_bytes == 6 * block);
    auto of_a = f.extents(a).extents, of_b = f.extents(b).extents;
    REQUIRE(of_b.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        of_a[i].seq = of_b[i].seq;
        CHECK(of_a[i] == of_b[i]);
    }

    REQUIRE(f.apply(wire::Unlink{.parent = 1, .name = "a"}));
    CHECK(f.garbage().empty());
    CHECK(f.extents(b).extents.size() == 3);
    REQUIRE(f.apply(wire::Unlink{.parent = 1, .name = "b"}));
    CHECK(f.garbage().size() == 1);
}

TEST_CASE("a range that comes to lie over a border of blocks is split there") {
    Fixture f;
    const Ino a = f.create(1, "a"), b = f.create(1, "b");
    f.write(a, {10 * kib}, 100 * kib);
    f.write(b, {block - 200 * kib}, 300 * kib - 100 * kib);
    const std::uint64_t to = block - 30 * kib;
    REQUIRE(f.apply(copying(f, a, 15 * kib, b, to, 80 * kib)));

    const auto rows = f.extents(b).extents;
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].off == block - 200 * kib);
    CHECK(rows[0].len == 170 * kib);
    CHECK(rows[1].off == block - 30 * kib);
    CHECK(rows[1].len == 30 * kib);
    CHECK(rows[1].skip == 5 * kib);
    CHECK(rows[2].idx == 1);
    CHECK(rows[2].off == 0);
    CHECK(rows[2].len == 50 * kib);
    CHECK(rows[2].skip == 35 * kib);
    CHECK(f.attr(b).used == 250 * kib);
}

TEST_CASE("holes of the source are holes of the target, also over what was there") {
    Fixture f;
    const Ino a = f.create(1, "a"), b = f.create(1, "b"), small = f.create(1, "small");
    f.truncate(a, 10 * block);
    f.write(b, {0, block}, block);
    REQUIRE(f.apply(copying(f, a, 0, b, 100, block)));
    CHECK(f.attr(b).used == block);
    CHECK(f.attr(b).size == 2 * block);
    f.write_inline(small, "0123456789");
    REQUIRE(f.apply(copying(f, a, 0, small, 5, 4)));
    CHECK(f.extents(small).inline_data.text() == std::string("01234\0\0\0\0009", 10));
    REQUIRE(f.apply(copying(f, a, 0, small, 5, block)));
    CHECK(f.extents(small).inline_data.text() == "01234");
    CHECK(f.attr(small).size == block + 5);
}

TEST_CASE("ranges that cannot be shared are refused with their errno") {
    Fixture f({.max_blocks = 3});
    const Ino a = f.create(1, "a"), b = f.create(1, "b"), small = f.create(1, "small");
    f.write(a, {0, block}, block);
    f.write_inline(small, "0123456789");
    const auto code = [&](Ino from, std::uint64_t from_offset, Ino to, std::uint64_t offset,
                          std::uint64_t length) {
        return code_of(f.apply(copying(f, from, from_offset, to, offset, length)));
    };
    CHECK(code(1, 0, b, 0, 1) == EISDIR);
    CHECK(code(a, 0, 1, 0, 1) == EISDIR);
    CHECK(code(a, 0, 99, 0, 1) == ESTALE);
    CHECK(code(a, 0, a, 10, 11) == EINVAL);
    CHECK(code(a, 10, a, 0, 11) == EINVAL);
    CHECK(code(a, 0, b, wire::file_bytes_max, 1) == EFBIG);
    CHECK(code(small, 0, b, 0, 5) == EAGAIN);
    CHECK(code(a, 0, small, 0, 5) == EAGAIN);
    CHECK(code(a, 0, b, 0, 2 * block) == ENOSPC);
    CHECK(f.attr(b).size == 0);
    CHECK(code(small, 10, b, 0, 5) == 0);
    CHECK(code(a, 5 * block, b, 0, 5) == 0);
    CHECK(f.attr(b).size == 0);
    CHECK(code(a, 0, a, block, block) == 0);
    CHECK(f.attr(a).used == 2 * block);
}

TEST_CASE("a copy of many extents goes in steps, and is done when all are answered") {
    Fixture f({.block_bytes = 256 << 10});
    const Ino a = f.create(1, "a"), b = f.create(1, "b");
    const std::uint64_t small = 256 << 10;
    for (std::uint64_t idx = 0; idx < 2500; ++idx) f.write(a, {idx * small}, 10);
    auto whole = copying(f, a, 0, b, 7, 2500 * small);
    int steps = 0;
    for (std::uint64_t done = 1; done > 0; ++steps) {
        done = f.apply(whole).value().length;
        whole.from_offset += done;
        whole.offset += done;
        whole.length -= done;
    }
    CHECK(steps == 4);
    CHECK(f.attr(b).used == 25'000);
    CHECK(f.attr(b).size == f.attr(a).size + 7);
}

}  // namespace flexfs::meta
