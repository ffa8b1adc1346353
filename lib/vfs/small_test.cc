// Zeros in the middle of packed inline data are written by the client.
#include "lib/task/scope.h"
#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

constexpr std::uint32_t punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

Task<void> write(Peer& peer, HandleId handle, std::uint64_t offset, std::string text) {
    co_await peer->write(handle, offset, Buffer::copy_of(text), false, false);
}

}  // namespace

TEST_CASE("a hole makes no small file longer that another client cuts while it is made") {
    World w({.memory = 16 << 20, .dirty = 1 << 20});
    Peer &a = w.mount(), &b = w.mount();
    const Opened file = w.create(b, "f");
    w.write(b, file.handle, 0, pattern(6000));
    w.run(b->fsync(file.handle));
    const Opened here = w.open(a, "f"), large = w.create(a, "large");
    w.store.hold = true;
    Scope busy;  // no memory is left for the zeros
    for (std::uint64_t at = 0; at < 2 << 20; at += 8 << 10)
        busy.start(write(a, large.handle, 2 * at, pattern(8 << 10)));
    Scope punching;
    punching.start(a->allocate(here.handle, punch, 1000, 2000, false));
    for (int turn = 0; turn < 10; ++turn) w.run(a->statfs());
    REQUIRE(punching.running() == 1);

    w.run(w.set_size(b, file.node.attr.ino, 1500));
    w.store.let_go();
    w.run(busy.join());
    w.run(punching.join());
    const std::string expected = pattern(1000) + std::string(500, '\0');
    CHECK(w.size(a, "f") == 1500);
    CHECK(w.read(a, here.handle) == expected);
    CHECK(w.read(b, file.handle) == expected);
}

TEST_CASE("a range of a small file that cannot be zeroed stays as it was") {
    std::string text = pattern(6000);
    text.replace(100, 6, "unsent");
    for (int nth = 1;; ++nth) {
        CAPTURE(nth);
        World w;
        Peer& a = w.mount();
        const Opened file = w.create(a, "f");
        w.write(a, file.handle, 0, pattern(6000));
        w.run(a->fsync(file.handle));
        w.write(a, file.handle, 100, "unsent");
        w.volume->fail_statement(nth);
        const int code = w.code(a->allocate(file.handle, FALLOC_FL_ZERO_RANGE, 50, 3000, false));
        w.volume->fail_statement(0);
        const std::string expected =
            code == 0 ? std::string(text).replace(50, 3000, std::string(3000, '\0')) : text;
        CHECK(w.read(a, file.handle) == expected);
        CHECK(w.read_after(a, "f") == expected);
        REQUIRE(nth < 100);
        if (code != 0) continue;
        CHECK(nth > 1);
        break;
    }
}

}  // namespace flexfs::vfs
