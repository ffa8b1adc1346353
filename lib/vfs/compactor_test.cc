#include "lib/vfs/compactor.h"

#include "lib/vfs/caching_filesystem.h"
#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

Compactor& compactor(Peer& peer) {
    return static_cast<CachingFilesystem&>(*peer.client).compactor();
}

// Writes a block of many extents, whose second half has holes, and returns its bytes.
std::string scatter(World& w, Peer& a, HandleId handle) {
    std::string expected(256 << 10, '\0');
    for (int i = 0; i < 20; ++i) {
        const std::size_t at = i < 10 ? std::size_t(i) * 10'000 : std::size_t(i) * 12'000;
        const std::string text = pattern(i < 10 ? 15'000 : 9'000, unsigned(i));
        w.write(a, handle, at, text);
        expected.replace(at, text.size(), text);
        w.run(a->fsync(handle));
    }
    w.write(a, handle, expected.size() - 1, "z");
    expected.back() = 'z';
    w.run(a->fsync(handle));
    return expected;
}

std::size_t rows(World& w, Ino ino) {
    return w.volume->read(wire::Extents{ino, 0, 1})->extents.size();
}

}  // namespace

TEST_CASE("a block in many pieces becomes as few as its holes allow, and reads the same") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    const Ino ino = file.node.attr.ino;
    const std::string expected = scatter(w, a, file.handle);
    REQUIRE(rows(w, ino) > 8);
    CHECK(compactor(a).waiting() == 1);
    const auto used = w.run(a->getattr(ino)).attr.used;

    w.run(compactor(a).run_all());
    CHECK(rows(w, ino) <= 12);
    CHECK(compactor(a).waiting() == 0);
    CHECK(w.read(a, file.handle) == expected);
    Peer& b = w.mount();
    CHECK(w.read(b, w.open(b, "f").handle) == expected);
    CHECK(w.run(b->getattr(ino)).attr.used == used);
}

TEST_CASE("a block that is written while it is compacted keeps what was written") {
    World w;
    Peer &a = w.mount(), &b = w.mount();
    const Opened file = w.create(a, "f");
    std::string expected = scatter(w, a, file.handle);
    const Opened other = w.open(b, "f");
    Scope scope;
    scope.start(compactor(a).run_all());
    w.write(b, other.handle, 5, "HELLO");
    w.run(b->fsync(other.handle));
    expected.replace(5, 5, "HELLO");
    w.run(scope.join());

    CHECK(w.read(a, file.handle) == expected);
    CHECK(w.read(b, other.handle) == expected);
}

TEST_CASE("a compaction that cannot put its segment changes nothing") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    const std::string expected = scatter(w, a, file.handle);
    const std::size_t before = rows(w, file.node.attr.ino);
    w.store.fail_put = 1;

    CHECK(w.code(compactor(a).run_all()) == EIO);
    CHECK(rows(w, file.node.attr.ino) == before);
    CHECK(w.read(a, file.handle) == expected);
}

}  // namespace flexfs::vfs
