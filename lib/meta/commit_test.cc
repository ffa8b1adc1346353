// Commits that several clients send for one file: versions of small files, and appended data.
#include <doctest/doctest.h>

#include <cerrno>

#include "lib/meta/fixture_test.h"

namespace flexfs::meta {
namespace {

constexpr std::uint64_t block = 256 << 10;

struct Commits : Fixture {
    Commits() : Fixture({.block_bytes = block}) {}

    wire::Committed commit(wire::InodeCommit change) {
        wire::Commit request{.segments = {{next_segment++, 16 << 20}}, .now = ++now};
        for (wire::Extent& extent : change.extents) extent.segment = next_segment - 1;
        request.inodes.push_back(std::move(change));
        return apply(std::move(request)).value();
    }
    wire::Committed put_inline(Ino ino, const std::string& data, std::uint64_t base,
                               std::uint64_t append_at = wire::no_append) {
        return commit({.ino = ino,
                       .set_inline = true,
                       .inline_data = Buffer::copy_of(data),
                       .inline_base = base,
                       .append_at = append_at});
    }
    wire::Committed append(Ino ino, std::uint64_t at, std::uint32_t len) {
        wire::InodeCommit change{.ino = ino, .append_at = at};
        change.extents = {{.idx = at / block,
                           .off = std::uint32_t(at % block),
                           .len = len,
                           .stored = 100,
                           .check = at}};
        return commit(std::move(change));
    }
    std::uint64_t version(Ino ino) { return extents(ino).inline_version; }
};

}  // namespace

TEST_CASE("small data is replaced only by a commit that knows its version") {
    Commits f;
    const Ino a = f.create(1, "a");
    CHECK(f.version(a) == 0);
    const auto first = f.put_inline(a, "first", 0);
    REQUIRE(first.errors[0] == 0);
    CHECK(f.version(a) == first.first_seq[0]);
    CHECK(f.lookup("a").value().inline_version == f.version(a));

    CHECK(f.put_inline(a, "other", 0).errors[0] == EAGAIN);
    CHECK(f.extents(a).inline_data.text() == "first");
    CHECK(f.put_inline(a, "second", f.version(a)).errors[0] == 0);
    CHECK(f.put_inline(a, "third", first.first_seq[0]).errors[0] == EAGAIN);
    CHECK(f.put_inline(a, "whatever", wire::any_inline_version).errors[0] == 0);
    const std::uint64_t before = f.version(a);
    f.truncate(a, 3);
    CHECK(f.put_inline(a, "whatever else", before).errors[0] == EAGAIN);
    CHECK(f.extents(a).inline_data.text() == "wha");
    f.truncate(a, 0);
    CHECK(f.version(a) == 0);
    CHECK(f.put_inline(a, "anew", 0).errors[0] == 0);
}

TEST_CASE("small data moves to extents only with a commit that knows its version, and not back") {
    Commits f;
    const Ino a = f.create(1, "a");
    f.put_inline(a, "old", 0);
    const std::uint64_t known = f.version(a);
    f.put_inline(a, "new", known);
    wire::InodeCommit change{.ino = a, .clear_inline = true, .inline_base = known};
    change.extents = {{.len = 9000, .stored = 100}};
    CHECK(f.commit(change).errors[0] == EAGAIN);
    CHECK(f.extents(a).inline_data.text() == "new");
    change.inline_base = f.version(a);
    CHECK(f.commit(change).errors[0] == 0);
    CHECK(f.version(a) == 0);
    CHECK(f.put_inline(a, "small", 0).errors[0] == EAGAIN);
    CHECK(f.attr(a).used == 9000);
}

TEST_CASE("appended data goes behind that of others, also across the end of a block") {
    Commits f;
    const Ino a = f.create(1, "a");
    f.truncate(a, block - 300);
    CHECK(f.append(a, block - 300, 200).ends[0] == block - 100);
    CHECK(f.append(a, block - 300, 250).ends[0] == block + 150);
    const auto rows = f.extents(a).extents;
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].off == block - 300);
    CHECK(rows[1].off == block - 100);
    CHECK(rows[1].len == 100);
    CHECK(rows[1].skip == 0);
    CHECK(rows[2].idx == 1);
    CHECK(rows[2].off == 0);
    CHECK(rows[2].len == 150);
    CHECK(rows[2].skip == 100);
    CHECK(f.attr(a).size == block + 150);

    f.truncate(a, 50);
    CHECK(f.append(a, block + 150, 10).ends[0] == 60);
    CHECK(f.attr(a).size == 60);

    wire::InodeCommit wrong{.ino = a, .append_at = 60};
    wrong.extents = {{.off = 50, .len = 20, .stored = 100}};
    CHECK(f.commit(wrong).errors[0] == EINVAL);
    wire::SetAttr grow{.ino = a, .mask = wire::set_size, .now = ++f.now};
    grow.attr.size = wire::file_bytes_max - 5;
    REQUIRE(f.apply(grow));
    CHECK(f.append(a, 60, 10).errors[0] == EFBIG);
}

TEST_CASE("small data that was appended to another end of the file is EAGAIN") {
    Commits f;
    const Ino a = f.create(1, "a");
    f.put_inline(a, "0123456789", 0);
    CHECK(f.put_inline(a, "0123456789+", f.version(a), 9).errors[0] == EAGAIN);
    CHECK(f.put_inline(a, "0123456789+", f.version(a), 10).errors[0] == 0);
    f.truncate(a, 4);
    CHECK(f.put_inline(a, "0123456789++", f.version(a), 11).errors[0] == EAGAIN);
    CHECK(f.extents(a).inline_data.text() == "0123");
}

TEST_CASE("a commit that expects another size of the file is EAGAIN and changes nothing") {
    Commits f;
    const Ino a = f.create(1, "a");
    REQUIRE(f.append(a, 0, 100).errors[0] == 0);
    const auto commit = [&](std::uint64_t expected) {
        wire::InodeCommit change{.ino = a, .expected_size = expected};
        change.extents = {{.off = 100, .len = 50, .stored = 100}};
        return f.commit(std::move(change)).errors[0];
    };
    const wire::Attr before = f.attr(a);
    for (const std::uint64_t expected : {std::uint64_t{0}, std::uint64_t{150}, wire::size_never}) {
        CHECK(commit(expected) == EAGAIN);
        CHECK(f.attr(a) == before);
    }
    CHECK(commit(100) == 0);
    CHECK(commit(wire::any_size) == 0);
    CHECK(f.attr(a).size == 150);
}

}  // namespace flexfs::meta
