// Failures are reported, and no data is lost.
#include <fstream>

#include "lib/base/log.h"
#include "lib/vfs/file.h"
#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

using namespace std::string_view_literals;

// Damaged data of a small file of 4000 bytes: two values that are malformed, and one that holds
// only 100 bytes.
constexpr std::string_view damaged[] = {"\1damaged"sv, "\1\x90\1\0\x1f\x61\1\0\x4b"sv,
                                        "\1\x64\0\0\x1f\x61\1\0\x4b\x50\x61\x61\x61\x61\x61"sv};

void damage(World& w, Ino ino, std::string_view bytes) {
    wire::Commit commit;
    commit.inodes.push_back({.ino = ino,
                             .set_inline = true,
                             .inline_data = Buffer::copy_of(bytes),
                             .inline_bytes = 4000});
    REQUIRE(w.volume->apply(0, std::move(commit)));
}

}  // namespace

EVERYWHERE("a damaged or missing frame is EIO for its range, and the rest stays readable") {
    World w;
    {
        Peer& a = w.mount();
        const Opened file = w.create(a, "f");
        w.write(a, file.handle, 0, pattern(256 << 10, 1));
        w.run(a->fsync(file.handle));
        w.write(a, file.handle, 256 << 10, pattern(256 << 10, 2));
        w.run(a->fsync(file.handle));
        w.unmount(a);
    }
    for (const bool lost : {false, true}) {
        Peer& b = w.mount();
        const Opened file = w.open(b, "f");
        CHECK(w.read(b, file.handle, 256 << 10) == pattern(256 << 10, 2));
        (lost ? w.store.lose : w.store.flip) = true;
        CHECK(w.code(b->read(file.handle, 0, 4096)) == EIO);
        CHECK(w.code(b->read(file.handle, 0, 512 << 10)) == EIO);
        CHECK(w.read(b, file.handle, 300'000, 10) ==
              pattern(256 << 10, 2).substr(300'000 - (256 << 10), 10));
        w.store.lose = w.store.flip = false;
        CHECK(w.read(b, file.handle, 0, 256 << 10) == pattern(256 << 10, 1));
        w.unmount(b);
    }
}

EVERYWHERE("data of a small file that no client can have stored is not taken for the file's") {
    File file(1 << 20);
    CHECK(file.stored().learn_inline(Buffer::take(std::string(wire::inline_bytes_max, 'x')), 0, 1));
    CHECK(file.stored().knows_inline());
    const Buffer more = Buffer::take(std::string(wire::inline_bytes_max + 1, 'x'));
    CHECK(code_of(file.stored().learn_inline(more, 0, 1)) == EIO);
    CHECK(!file.stored().knows_inline());
}

EVERYWHERE("a small file that is damaged is EIO for readers and writers until it is emptied") {
    for (const std::string_view bytes : damaged) {
        World w;
        Peer& a = w.mount();
        const Opened file = w.create(a, "f");
        w.unmount(a);
        damage(w, file.node.attr.ino, bytes);
        Peer &b = w.mount(), &c = w.mount();
        const Opened again = w.open(b, "f"), elsewhere = w.open(c, "f"), other = w.create(b, "g");
        CHECK(w.code(b->read(again.handle, 0, 10)) == EIO);
        const auto write = [&](Peer& peer, HandleId handle) {
            return w.code(peer->write(handle, 10, Buffer::copy_of("text"), false, false));
        };
        CHECK(write(b, again.handle) == EIO);
        CHECK(write(c, elsewhere.handle) == EIO);
        CHECK(write(b, again.handle) == EIO);
        CHECK(b->state().dirty_bytes == 0);
        CHECK(w.size(b, "f") == 4000);
        CHECK(write(b, other.handle) == 0);
        w.run(b->fsync(other.handle));
        w.run(b->fsync(again.handle));

        w.run(w.set_size(b, file.node.attr.ino, 0));
        w.write(b, again.handle, 0, pattern(4000));
        w.run(b->fsync(again.handle));
        CHECK(w.read(c, elsewhere.handle) == pattern(4000));
        damage(w, file.node.attr.ino, bytes);
        w.unmount(b);
        Peer& d = w.mount();
        const Opened emptied = w.open(d, "f", O_RDWR | O_TRUNC);
        w.write(d, emptied.handle, 0, "good");
        CHECK(w.read_after(d, "f") == "good");
    }
}

TEST_CASE("writes to a damaged small file are logged once, not each time") {
    World w;
    const std::string path = w.folder + "/log";
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.unmount(a);
    damage(w, file.node.attr.ino, damaged[0]);
    Peer& b = w.mount();
    const Opened open = w.open(b, "f");
    REQUIRE(log::to_file(path));
    for (int i = 0; i < 3; ++i)
        CHECK(w.code(b->write(open.handle, 0, Buffer::copy_of("text"), false, false)) == EIO);
    REQUIRE(log::to_file("/dev/stderr"));

    std::ifstream log(path);
    int lines = 0;
    for (std::string line; std::getline(log, line);)
        lines += line.find("cannot be written") != line.npos;
    CHECK(lines == 1);
    w.run(w.set_size(b, file.node.attr.ino, 0));
    w.write(b, open.handle, 0, "text");
    CHECK(w.read(b, open.handle) == "text");
}

EVERYWHERE("unsent data of a file that turns out to be damaged is given up, and nothing waits") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f"), other = w.create(a, "g");
    w.write(a, file.handle, 0, pattern(300'000));
    damage(w, file.node.attr.ino, damaged[0]);
    CHECK(w.code(a->fsync(file.handle)) == EIO);
    CHECK(a->state().dirty_bytes == 0);
    w.write(a, other.handle, 0, "text");
    w.run(a->fsync(other.handle));
    w.run(a->flush_all());
    w.run(a->flush(file.handle));
    CHECK(w.size(a, "f") == 4000);
    CHECK(w.code(a->read(file.handle, 0, 10)) == EIO);
}

EVERYWHERE("an fsync that fails says so, and the data leaves with the next one") {
    for (int nth = 1; nth <= 3; ++nth) {
        CAPTURE(nth);
        World w({.inline_bytes = 0, .memory = 64 << 20, .dirty = 1 << 20});
        Peer& a = w.mount();
        const Opened file = w.create(a, "f");
        const std::string text = pattern(700'000, unsigned(nth));
        w.write(a, file.handle, 0, text);
        w.store.fail_put = nth;
        w.store.put_code = ENOSPC;
        const int code = w.code(a->fsync(file.handle));
        CHECK(code == (w.store.fail_put == 0 ? ENOSPC : 0));
        CHECK(w.read(a, file.handle) == text);

        w.store.fail_put = 0;
        w.run(a->fsync(file.handle));
        CHECK(a->state().dirty_bytes == 0);
        CHECK(w.read_after(a, "f") == text);
    }
}

EVERYWHERE("a metadata disk that is full delays a commit and loses nothing") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    const std::string text = pattern(300'000);
    w.write(a, file.handle, 0, text);
    w.volume->fail_disk(ENOSPC);
    CHECK(w.code(a->fsync(file.handle)) == ENOSPC);

    w.volume->fail_disk(0);
    w.run(a->fsync(file.handle));
    CHECK(w.read_after(a, "f") == text);
}

EVERYWHERE("releases that a full metadata disk refuses are made when there is space") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.run(a->unlink(wire::root_ino, "f"));
    w.volume->fail_disk(ENOSPC);
    a->release(file.handle);
    a->forget(file.node.attr.ino);
    w.run(a->statfs());  // statfs sends the release first
    CHECK(w.volume->read(wire::StatFs{})->inodes == 2);
    w.volume->fail_disk(0);
    w.run(a->statfs());
    CHECK(w.volume->read(wire::StatFs{})->inodes == 1);
}

EVERYWHERE("a late write error is told once by every handle that was open at the time") {
    World w({.inline_bytes = 0});
    Peer& a = w.mount();
    const Opened one = w.create(a, "f");
    const Opened two = w.open(a, "f");
    w.write(a, one.handle, 0, "data");
    w.store.fail_put = 1;
    CHECK(w.code(a->fsync(one.handle)) == EIO);
    const Opened later = w.open(a, "f");

    w.run(a->flush(one.handle));  // fsync has reported it already
    CHECK(w.code(a->flush(two.handle)) == EIO);
    w.run(a->flush(two.handle));
    w.run(a->flush(later.handle));
}

TEST_CASE("an fsync whose caller is stopped leaves an earlier write error to be reported") {
    World w({.inline_bytes = 0});
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, "data");
    w.store.fail_put = 1;
    CHECK(w.code(a->flush_all()) == EIO);

    w.write(a, file.handle, 4, "more");
    w.store.hold = true;
    task::StopSource stop;
    Scope caller;
    caller.start(a->fsync(file.handle), &stop);
    static_cast<void>(w.loop.run(w.loop.sleep(Duration(1))));
    stop.request();
    w.run(caller.join());
    w.store.let_go();

    CHECK(w.code(a->flush(file.handle)) == EIO);
    w.run(a->flush(file.handle));
}

EVERYWHERE("a writer is refused, not hung, when memory is full of what cannot leave") {
    World w({.inline_bytes = 0, .memory = 16 << 20, .dirty = 1 << 20});
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.store.fail_put = 1;
    w.store.lasting = true;
    w.store.put_code = ENOSPC;
    std::uint64_t at = 0;
    int code = 0;
    while (code == 0 && at < 64 << 20) {
        code = w.code(a->write(file.handle, at, Buffer::copy_of(pattern(100'000)), false, false));
        if (code == 0) at += 100'000;
    }
    CHECK(code == ENOSPC);
    CHECK(at <= 2 << 20);

    w.store.fail_put = 0;
    w.run(a->fsync(file.handle));
    w.write(a, file.handle, at, "goes on");
    std::string expected;
    while (expected.size() < at) expected += pattern(100'000);
    CHECK(w.read(a, file.handle) == expected + "goes on");
}

EVERYWHERE("a read-only mount refuses every change") {
    World w;
    {
        Peer& a = w.mount();
        const Opened file = w.create(a, "f");
        w.write(a, file.handle, 0, "text");
        w.unmount(a);
    }
    w.setup.read_only = true;
    Peer& a = w.mount();
    CHECK(w.code(a->create(wire::root_ino, "g", 0644, O_RDWR | O_CREAT, Who{})) == EROFS);
    CHECK(w.code(a->unlink(wire::root_ino, "f")) == EROFS);
    const Ino ino = w.run(a->lookup(wire::root_ino, "f")).attr.ino;
    CHECK(w.code(a->open(ino, O_RDWR)) == EROFS);
    CHECK(w.read(a, w.run(a->open(ino, O_RDONLY)).handle) == "text");
}

}  // namespace flexfs::vfs
