// Changes of rows that an observer sees, independent of commits.
#include "lib/meta/row_observer.h"

#include <fcntl.h>

#include <random>

#include "lib/base/format.h"
#include "lib/meta/fixture_test.h"

namespace flexfs::meta {
namespace {

std::string text(const std::optional<Row>& row) {
    if (!row) return "none";
    struct Print {
        std::string operator()(const Inode& i) {
            const wire::Attr& a = i.attr;
            return fmt::format("inode {} {:o} {} {} {} {} {} {} {} {} {}", a.ino, a.mode, a.nlink,
                               a.size, a.used, a.atime, a.mtime, a.ctime, a.parent, i.state,
                               i.since);
        }
        std::string operator()(const NameRow& n) {
            return fmt::format("name {} {} {} {} {} {} {}", n.folder, n.hash, n.name, n.to.ino,
                               n.to.kind, n.to.slot, n.to.since);
        }
        std::string operator()(const ExtentRow& e) {
            return fmt::format("extent {} {} {} {} {} {} {}", e.ino, e.extent.idx, e.extent.seq,
                               e.extent.off, e.extent.len, e.extent.segment, e.extent.pos);
        }
        std::string operator()(const InlineRow& i) {
            return fmt::format("inline {} {} {} {}", i.ino, i.small.inline_bytes, i.small.version,
                               i.small.data.text());
        }
        std::string operator()(const XattrRow& x) {
            return fmt::format("xattr {} {} {}", x.ino, x.name, x.value.text());
        }
    };
    return std::visit(Print(), *row);
}

struct Recorder final : RowObserver {
    std::vector<std::string> kept, open;  // committed, and in the open transaction

    void changed(const RowChange& change) override {
        open.push_back(
            fmt::format("{}: {} -> {}", change.now, text(change.before), text(change.after)));
    }
    void committed() override {
        kept.insert(kept.end(), open.begin(), open.end());
        open.clear();
    }
    void rolled_back() override { open.clear(); }
    std::vector<std::string> all() const {
        std::vector<std::string> both = kept;
        both.insert(both.end(), open.begin(), open.end());
        return both;
    }
};

struct Observed {
    std::string folder;
    Recorder recorder;
    std::unique_ptr<Volume> volume;

    Observed() {
        folder = std::filesystem::temp_directory_path() / "flexfs-observed-XXXXXX";
        REQUIRE(::mkdtemp(folder.data()));
        auto opened = Volume::open({.path = folder + "/meta.db",
                                    .info = {.id = "observed", .block_bytes = 256 << 10},
                                    .now = 10,
                                    .name_key = 7,
                                    .observer = &recorder});
        REQUIRE(opened);
        volume = std::move(*opened);
    }
    ~Observed() {
        volume.reset();
        std::filesystem::remove_all(folder);
    }
};

// Returns a random call. Inode numbers are guessed, and many calls are therefore refused.
Call random_call(std::mt19937_64& random, Time now) {
    const auto below = [&](std::uint64_t n) { return random() % n; };
    const auto name = [&] { return std::string(1, char('a' + below(6))); };
    const auto ino = [&] { return Ino(1 + below(30)); };
    const auto extent = [&](SegmentId segment) {
        return wire::Extent{.idx = below(3),
                            .off = std::uint32_t(below(50) * 4096),
                            .len = 4096,
                            .segment = segment,
                            .stored = 100};
    };
    Call call{.now = now};
    switch (below(11)) {
        case 0: call.request = wire::Make{.parent = 1, .name = name(), .mode = S_IFDIR}; break;
        case 1:
        case 2: call.request = wire::Make{.parent = ino(), .name = name(), .mode = S_IFREG}; break;
        case 3: call.request = wire::Unlink{.parent = ino(), .name = name()}; break;
        case 4:
            call.request = wire::Rename{
                .parent = ino(), .name = name(), .new_parent = ino(), .new_name = name()};
            break;
        case 5:
            call.request = wire::SetXattr{
                .ino = ino(), .name = "user." + name(), .value = Buffer::copy_of(name())};
            break;
        case 6: call.request = wire::RemoveXattr{.ino = ino(), .name = "user." + name()}; break;
        case 7: {
            wire::Commit commit{.segments = {{1'000'000 + SegmentId(now), 1 << 20}}};
            commit.inodes.push_back({.ino = ino(), .mtime = now, .clear_inline = true});
            for (std::uint64_t n = below(4); n > 0; --n)
                commit.inodes[0].extents.push_back(extent(1'000'000 + SegmentId(now)));
            call.request = std::move(commit);
            break;
        }
        case 8: {
            wire::Commit commit;
            commit.inodes.push_back({.ino = ino(), .mtime = now, .set_inline = true});
            commit.inodes[0].inline_data = Buffer::copy_of(std::string(below(2000), 'i'));
            call.request = std::move(commit);
            break;
        }
        case 9: {
            wire::SetAttr resize{.ino = ino(), .mask = wire::set_size};
            resize.attr.size = below(3) * (200 << 10) + below(10000);
            call.request = std::move(resize);
            break;
        }
        case 10:
            call.request = wire::Allocate{.ino = ino(),
                                          .mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                          .offset = below(300 << 10),
                                          .length = 1 + below(100 << 10)};
            break;
    }
    return call;
}

}  // namespace

TEST_CASE("an observer sees a row before and after each change, at the time of its call") {
    Observed f;
    f.recorder.kept.clear();
    const Ino ino =
        f.volume->apply(0, wire::Make{.parent = 1, .name = "a", .mode = S_IFREG, .now = 20})
            .value()
            .attr.ino;
    REQUIRE(f.volume->apply(0, wire::SetXattr{ino, "user.x", Buffer::copy_of("1"), 0, 30}));
    REQUIRE(f.volume->apply(0, wire::SetXattr{ino, "user.x", Buffer::copy_of("2"), 0, 40}));
    const auto seen = f.recorder.all();
    CHECK(std::ranges::find(seen, fmt::format("30: none -> xattr {} user.x 1", ino)) != seen.end());
    CHECK(std::ranges::find(seen, fmt::format("40: xattr {0} user.x 1 -> xattr {0} user.x 2",
                                              ino)) != seen.end());

    REQUIRE(f.volume->apply(0, wire::Unlink{.parent = 1, .name = "a", .now = 50}));
    const auto gone = f.recorder.all();
    CHECK(std::ranges::count_if(gone, [](const std::string& line) {
              return line.starts_with("50: ") && line.ends_with("-> none");
          }) == 3);  // the name, the attribute and the inode
}

TEST_CASE("a refused call changes no row, and what a fault undoes is seen once") {
    Observed f;
    const auto make = [&](Time now) {
        return f.volume->apply(0,
                               wire::Make{.parent = 1, .name = "a", .mode = S_IFREG, .now = now});
    };
    REQUIRE(make(20));
    const auto before = f.recorder.all();
    CHECK(code_of(make(30)) == EEXIST);
    CHECK(f.recorder.all() == before);

    f.volume->fail_disk(EIO);
    CHECK_FALSE(f.volume->apply(0, wire::Unlink{.parent = 1, .name = "a", .now = 40}));
    f.volume->fail_disk(0);
    CHECK(f.recorder.all() == before);
}

TEST_CASE("volumes that commit at different times observe the same changes") {
    const std::uint64_t seed = std::random_device()();
    CAPTURE(seed);
    std::mt19937_64 random(seed), timing(seed + 1);
    Observed often, seldom;

    for (Time now = 100; now < 1500; ++now) {
        std::vector<Call> batch;
        for (std::uint64_t n = 1 + random() % 4; n > 0; --n)
            batch.push_back(random_call(random, now));
        often.volume->apply(batch);
        seldom.volume->apply(batch);
        if (timing() % 3 == 0) REQUIRE(often.volume->commit());
        if (timing() % 50 == 0) REQUIRE(often.volume->checkpoint());
        if (timing() % 90 == 0) REQUIRE(often.volume->truncate_log());
        // After a fault everything pending is applied again.
        if (timing() % 40 == 0) {
            seldom.volume->fail_disk(EIO);
            const auto refused = seldom.volume->apply(
                0, wire::SetAttr{.ino = 1, .mask = wire::set_mode, .attr = {.mode = 0700}});
            CHECK_FALSE(refused);
            seldom.volume->fail_disk(0);
        }
    }

    const auto a = often.recorder.all(), b = seldom.recorder.all();
    CHECK(a.size() > 1000);
    CHECK(a == b);
    CHECK(often.volume->dump().value() == seldom.volume->dump().value());
}

TEST_CASE("changes that a killed process left in the journal are observed when they are replayed") {
    Observed f;
    f.recorder.committed();
    f.recorder.kept.clear();
    REQUIRE(f.volume->apply(0, wire::Make{.parent = 1, .name = "a", .mode = S_IFREG, .now = 20}));
    const auto expected = f.recorder.all();
    const std::string copy = f.folder + "/copy.db";
    f.volume->end_reads();
    for (const char* end : {"", "-wal", "-calls.0", "-calls.1"})
        std::filesystem::copy_file(f.folder + "/meta.db" + end, copy + end);

    Recorder recorder;
    const auto again = Volume::open({.path = copy, .observer = &recorder});
    REQUIRE(again);
    CHECK(recorder.all() == expected);
    CHECK(!expected.empty());
}

}  // namespace flexfs::meta
