// Small files' data in the metadata.
#include <doctest/doctest.h>

#include <cerrno>

#include "lib/db/db.h"
#include "lib/meta/fixture_test.h"

namespace flexfs::meta {

TEST_CASE("inline data is kept whole, cut by truncation, and dropped when it moves to extents") {
    Fixture f;
    const Ino a = f.create(1, "a");
    std::string data(5000, 'x');
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = char(i * 7);
    f.write_inline(a, data);
    CHECK(f.extents(a).inline_data.text() == data);
    CHECK(f.lookup("a").value().inline_data.text() == data);
    CHECK(f.attr(a).used == 5000);

    f.truncate(a, 1000);
    f.truncate(a, 4000);
    CHECK(f.extents(a).inline_data.text() == data.substr(0, 1000));
    CHECK(f.attr(a).size == 4000);

    wire::Commit commit{.segments = {{7, 5000}}};
    commit.inodes.push_back({.ino = a, .size = 9000});
    commit.inodes.back().extents = {{.len = 9000, .segment = 7, .stored = 5000}};
    CHECK(f.apply(commit).value().errors[0] == EAGAIN);
    CHECK(f.attr(a).size == 4000);
    f.verify();
    commit.inodes.back().clear_inline = true;
    CHECK(f.apply(commit).value().errors[0] == 0);
    CHECK(f.extents(a).inline_data.empty());
    CHECK(f.attr(a).used == 9000);
    f.write_inline(a, "small");
    CHECK(f.extents(a).extents.empty());
    CHECK(f.attr(a).used == 5);
    CHECK(f.attr(a).size == 9000);
}

TEST_CASE("packed inline data counts as what the file has of it, and its bytes stay as they came") {
    Fixture f({.block_bytes = 256 << 10, .max_blocks = 1});
    const Ino a = f.create(1, "a");
    const auto put = [&](std::size_t size, std::uint32_t bytes) {
        wire::Commit commit{.now = ++f.now};
        commit.inodes.push_back({.ino = a,
                                 .set_inline = true,
                                 .inline_data = Buffer::take(std::string(size, 'p')),
                                 .inline_bytes = bytes});
        return f.apply(commit).value().errors[0];
    };
    CHECK(put(0, 10) == EINVAL);
    CHECK(put(10, wire::inline_bytes_max + 1) == EINVAL);
    CHECK(put(10 + wire::inline_overhead_max, 9) == EINVAL);
    CHECK(put(9 + wire::inline_overhead_max, 9) == 0);
    CHECK(put(1500, 5000) == 0);
    CHECK(f.attr(a).size == 5000);
    CHECK(f.attr(a).used == 5000);
    f.truncate(a, 1000);
    f.truncate(a, 4000);
    f.crash();
    const wire::Entry entry = f.lookup("a").value();
    CHECK(entry.inline_data.text() == std::string(1500, 'p'));
    CHECK(entry.inline_bytes == 1000);
    CHECK(entry.attr.used == 1000);
    CHECK(entry.attr.size == 4000);
    CHECK(put(100, 700) == 0);
    CHECK(f.extents(a).inline_data.size() == 100);
    CHECK(f.extents(a).inline_bytes == 700);
    f.write_inline(a, "plain");
    CHECK(f.extents(a).inline_bytes == 0);
    CHECK(put(100, 700) == 0);
    f.truncate(a, 0);
    CHECK(f.extents(a).inline_bytes == 0);
    CHECK(f.extents(a).inline_data.empty());
    f.write(a, {0}, (256 << 10) - 100);
    f.truncate(a, (256 << 10) - 100);
    const Ino b = f.create(1, "b");
    wire::Commit commit;
    commit.inodes.push_back({.ino = b,
                             .set_inline = true,
                             .inline_data = Buffer::copy_of("packed"),
                             .inline_bytes = 101});
    CHECK(f.apply(commit).value().errors[0] == ENOSPC);
    commit.inodes[0].inline_bytes = 100;
    CHECK(f.apply(commit).value().errors[0] == 0);
}

TEST_CASE("a volume of an older format opens, and its small files are what they were") {
    Fixture f;
    const Ino a = f.create(1, "a");
    const std::string data(3000, 'o');
    f.write_inline(a, data);
    f.volume.reset();
    {
        auto db = db::Db::open({.path = f.folder + "/meta.db"}).value();
        REQUIRE(db->execute(undo_fifth_format));
        REQUIRE(
            db->execute("ALTER TABLE inline DROP COLUMN bytes;"
                        "ALTER TABLE inline_history DROP COLUMN bytes;"
                        "PRAGMA user_version=2"));
    }
    f.open();
    CHECK(f.extents(a).inline_data.text() == data);
    CHECK(f.extents(a).inline_bytes == 0);
    CHECK(f.extents(a).inline_version == wire::inline_version_old);
    f.truncate(a, 2000);
    CHECK(f.extents(a).inline_version < wire::inline_version_old);
    CHECK(f.extents(a).inline_data.text() == data.substr(0, 2000));
    CHECK(f.attr(a).used == 2000);
}

}  // namespace flexfs::meta
