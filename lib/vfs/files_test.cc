// One client: reads return what was written, whatever happened to the data in between.
#include <random>
#include <utility>

#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {

std::string noise(std::size_t bytes, std::uint64_t seed) {
    std::mt19937_64 dice(seed);
    std::string text(bytes, '\0');
    for (char& c : text) c = char(dice());
    return text;
}

TEST_CASE("written data is read back at once, and after fsync and a new mount") {
    for (const std::size_t bytes : {1, 100, 8192, 8193, 300'000, 1'000'000}) {
        CAPTURE(bytes);
        World w;
        Peer& a = w.mount();
        const std::string text = pattern(bytes);
        const Opened file = w.create(a, "f");
        w.write(a, file.handle, 0, text);
        CHECK(w.read(a, file.handle) == text);
        CHECK(w.size(a, "f") == bytes);

        w.run(a->fsync(file.handle));
        CHECK(w.read(a, file.handle) == text);
        CHECK(a->state().dirty_bytes == 0);
        w.unmount(a);
        Peer& b = w.mount();
        CHECK(w.size(b, "f") == bytes);
        CHECK(w.read(b, w.open(b, "f").handle) == text);
    }
}

TEST_CASE("the kernel is told when a change of contents takes setuid away, and only then") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    const Ino ino = file.node.attr.ino;
    const auto write = [&](bool kill_privileges) {
        w.run(a->write(file.handle, 0, Buffer::copy_of("x"), false, kill_privileges));
        return std::exchange(a.dropped.attributes, {});
    };
    const auto give_setuid = [&] {
        w.run(a->setattr(ino, wire::set_mode, {.mode = 04755}, Who{}));
    };

    CHECK(write(true).empty());
    give_setuid();
    CHECK(write(false).empty());
    CHECK(write(true) == std::vector<Ino>{ino});
    CHECK(write(true).empty());
    give_setuid();
    w.run(a->open(ino, O_WRONLY | O_TRUNC, Who{}, true));
    CHECK(std::exchange(a.dropped.attributes, {}) == std::vector<Ino>{ino});

    const Opened source = w.create(a, "source");
    w.write(a, source.handle, 0, pattern(1 << 20));
    for (const std::uint64_t bytes : {1000, 1 << 20}) {
        give_setuid();
        w.run(a->copy(source.handle, 0, file.handle, 0, bytes, true));
        CHECK(std::exchange(a.dropped.attributes, {}) == std::vector<Ino>{ino});
    }
    for (const std::uint32_t mode : {0, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE}) {
        give_setuid();
        w.run(a->allocate(file.handle, mode, 0, 4096, false));
        CHECK(a.dropped.attributes.empty());
        w.run(a->allocate(file.handle, mode, 0, 4096, true));
        CHECK(std::exchange(a.dropped.attributes, {}) == std::vector<Ino>{ino});
    }
}

TEST_CASE("a small file needs no object, one that grows leaves the metadata") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, "hello");
    w.run(a->fsync(file.handle));
    CHECK(w.store.puts == 0);

    const std::string more = pattern(20'000);
    w.write(a, file.handle, 3, more);
    w.run(a->fsync(file.handle));

    CHECK(w.store.puts == 1);
    CHECK(w.read(a, file.handle) == "hel" + more);
    CHECK(w.read_after(a, "f") == "hel" + more);
}

TEST_CASE("a small file is stored compressed, and is cut, zeroed and read all the same") {
    for (const auto codec :
         {wire::Compression::none, wire::Compression::lz4, wire::Compression::zstd}) {
        World w({.compression = codec});
        Peer& a = w.mount();
        const Opened file = w.create(a, "f");
        const Ino ino = file.node.attr.ino;
        std::string text = pattern(6000);
        w.write(a, file.handle, 0, text);
        w.run(a->fsync(file.handle));
        const auto stored = [&] { return w.volume->read(wire::Extents{ino, 0, 0}).value(); };
        CHECK(stored().attr.used == 6000);
        CHECK((stored().inline_data.size() < 1000) == (codec != wire::Compression::none));
        w.run(a->allocate(file.handle, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 10, 100, false));
        text.replace(10, 100, std::string(100, '\0'));
        CHECK(w.read(a, file.handle) == text);
        w.run(w.set_size(a, ino, 5000));
        w.run(a->fsync(file.handle));
        CHECK(w.read(a, file.handle) == text.substr(0, 5000));
        w.unmount(a);

        Peer& b = w.mount();
        const Opened again = w.open(b, "f");
        w.run(w.set_size(b, ino, 4000));
        w.run(w.set_size(b, ino, 4500));
        text = text.substr(0, 4000) + std::string(500, '\0');
        CHECK(w.read(b, again.handle) == text);
        CHECK(stored().attr.used == 4000);
        w.run(b->allocate(again.handle, FALLOC_FL_ZERO_RANGE, 200, 100, false));
        text.replace(200, 100, std::string(100, '\0'));
        CHECK(w.read_after(b, "f") == text);
        // The zeros that the client writes go into the reserved space, and the rest of the file
        // with them.
        CHECK(stored().inline_data.empty());
    }
}

TEST_CASE("files that are written in turn are stored, whose blocks become full in turn") {
    World w;
    Peer& a = w.mount();
    const std::string block = noise(w.setup.block_bytes, 1);
    const Opened f = w.create(a, "f"), g = w.create(a, "g");
    for (std::uint64_t idx = 0; idx < 32; ++idx) {
        w.write(a, f.handle, idx * block.size(), block);
        w.write(a, g.handle, idx * block.size(), block);
    }

    w.run(a->flush_all());
    CHECK(a->state().dirty_bytes == 0);
    CHECK(w.read(a, g.handle, 31 * block.size()) == block);
}

TEST_CASE("an empty file costs one change, and its close none") {
    World w;
    Peer& a = w.mount();
    const auto before = w.service->counters().calls;
    const Opened file = w.create(a, "f");
    w.run(a->flush(file.handle));
    a->release(file.handle);

    CHECK(w.service->counters().calls - before == 1);
    CHECK(a->state().dirty_files == 0);
}

TEST_CASE("attributes and opens of what is known ask nobody") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, "hello");
    auto getattr = a->getattr(file.node.attr.ino);
    auto open = a->open(file.node.attr.ino, O_RDONLY);
    auto lookup = a->lookup(wire::root_ino, "f");
    getattr.start();
    open.start();
    lookup.start();

    CHECK(getattr.done());
    CHECK(open.done());
    CHECK(lookup.done());
    CHECK(lookup.take()->attr.size == 5);
}

TEST_CASE("holes read as zeros, between, behind and instead of what was written") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 1'000'000, "end");
    w.run(a->fsync(file.handle));
    w.run(w.set_size(a, file.node.attr.ino, 2'000'000));

    std::string expected(2'000'000, '\0');
    expected.replace(1'000'000, 3, "end");
    CHECK(w.read(a, file.handle) == expected);
    CHECK(w.run(a->getattr(file.node.attr.ino)).attr.used == 3);
}

TEST_CASE("truncated data does not come back when the file is extended") {
    World w;
    Peer& a = w.mount();
    for (const bool flushed : {false, true}) {
        for (const std::size_t bytes : {4000, 600'000}) {
            const std::string name = std::to_string(bytes) + (flushed ? "f" : "d");
            CAPTURE(name);
            const Opened file = w.create(a, name);
            const std::string text = pattern(bytes);
            w.write(a, file.handle, 0, text);
            if (flushed) w.run(a->fsync(file.handle));
            w.run(w.set_size(a, file.node.attr.ino, bytes / 3));
            w.run(w.set_size(a, file.node.attr.ino, bytes));
            const std::string expected =
                text.substr(0, bytes / 3) + std::string(bytes - bytes / 3, '\0');
            CHECK(w.read(a, file.handle) == expected);
            w.run(a->fsync(file.handle));
            CHECK(w.read(a, file.handle) == expected);
        }
    }
}

TEST_CASE("a time that was set stays, though data written before it leaves later") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, "hello");
    w.run(a->setattr(file.node.attr.ino, wire::set_mtime, {.mtime = 12345}, Who{}));
    w.run(a->fsync(file.handle));

    CHECK(w.run(a->getattr(file.node.attr.ino)).attr.mtime == 12345);
    w.unmount(a);
    Peer& b = w.mount();
    CHECK(w.run(b->lookup(wire::root_ino, "f")).attr.mtime == 12345);
}

TEST_CASE("O_APPEND writes at the end, O_TRUNC empties, O_EXCL refuses what exists") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f", O_WRONLY | O_CREAT | O_APPEND);
    w.write(a, file.handle, 0, "one");
    w.write(a, file.handle, 0, "two");
    CHECK(w.read(a, w.open(a, "f").handle) == "onetwo");

    CHECK(w.code(a->create(wire::root_ino, "f", 0644, O_RDWR | O_CREAT | O_EXCL, Who{})) == EEXIST);
    CHECK(w.code(a->read(file.handle, 0, 1)) == EBADF);
    const Opened again = w.open(a, "f", O_RDWR | O_TRUNC);
    CHECK(w.size(a, "f") == 0);
    CHECK(w.read(a, again.handle).empty());
}

TEST_CASE("O_TRUNC of an empty file moves its times") {
    World w;
    Peer& a = w.mount();
    const Ino ino = w.create(a, "f").node.attr.ino;
    w.run(a->setattr(ino, wire::set_mtime, {.mtime = 12345}, Who{}));

    w.open(a, "f", O_RDWR | O_TRUNC);
    CHECK(w.run(a->getattr(ino)).attr.mtime > 12345);
}

TEST_CASE("setuid and setgid that a write clears are gone at once, and when it was stored") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    const Ino ino = file.node.attr.ino;
    Attr program;
    program.mode = 06755;
    w.run(a->setattr(ino, wire::set_mode, program, Who{}));
    const auto mode = [&] { return w.run(a->getattr(ino)).attr.mode & 07777; };

    w.run(a->write(file.handle, 0, Buffer::copy_of("text"), false, true));
    CHECK(mode() == 0755);
    w.run(a->fsync(file.handle));
    CHECK(mode() == 0755);
    w.run(a->setattr(ino, wire::set_mode, program, Who{}));
    CHECK(mode() == 06755);
}

TEST_CASE(
    "what is unlinked while open can be used until its last handle is gone, then it is freed") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    const Ino ino = file.node.attr.ino;
    w.write(a, file.handle, 0, pattern(500'000));
    w.run(a->unlink(wire::root_ino, "f"));
    CHECK(w.run(a->getattr(ino)).attr.nlink == 0);
    w.write(a, file.handle, 10, "more");
    CHECK(w.read(a, file.handle, 10, 4) == "more");

    a->release(file.handle);
    a->forget(ino);
    CHECK(a->state().dirty_files == 0);
    CHECK(a->state().dirty_bytes == 0);
    w.unmount(a);
    CHECK(w.store.puts == 0);
    w.upkeep();
    CHECK(w.volume->read(wire::StatFs{})->inodes == 1);
}

TEST_CASE("a thousand small files leave in few commits") {
    World w;
    Peer& a = w.mount();
    for (int i = 0; i < 1000; ++i) {
        const Opened file = w.create(a, "f" + std::to_string(i));
        w.write(a, file.handle, 0, "content " + std::to_string(i));
        a->release(file.handle);
    }
    const auto before = w.service->counters().calls;
    const Opened last = w.open(a, "f999");
    w.run(a->fsync(last.handle));

    CHECK(w.service->counters().calls - before <= 2);
    CHECK(a->state().dirty_files == 0);
    w.unmount(a);
    Peer& b = w.mount();
    for (int i : {0, 1, 500, 999})
        CHECK(w.read(b, w.open(b, "f" + std::to_string(i)).handle) ==
              "content " + std::to_string(i));
}

TEST_CASE("dirty data leaves by itself when it is old") {
    World w({.dirty_age = std::chrono::milliseconds(5)});
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, "hello");
    const auto before = w.service->counters().calls;
    task::Event left;
    auto look = w.loop.at_turn_end([&] {
        if (a->state().dirty_bytes == 0) left.set();
    });
    w.run(left.wait());
    look.reset();

    CHECK(w.service->counters().calls - before == 1);
    CHECK(w.volume->read(wire::GetAttr{file.node.attr.ino})->attr.size == 5);
}

TEST_CASE("a writer of much more than fits waits for the store, and memory stays bounded") {
    World w({.memory = 8 << 20, .dirty = 2 << 20});
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    const std::string text = noise(1 << 20, 7);
    std::uint64_t most = 0;
    for (int i = 0; i < 24; ++i) {
        w.write(a, file.handle, std::uint64_t(i) << 20, text);
        most = std::max(most, a.budget.used());
    }
    w.run(a->fsync(file.handle));

    CHECK(most <= 10 << 20);
    for (int i : {0, 11, 23})
        CHECK(w.read(a, file.handle, std::uint64_t(i) << 20, 1 << 20) == text);
    CHECK(a.budget.used() <= 10 << 20);
}

TEST_CASE("small writes that follow one another share memory, however small they are") {
    for (const std::size_t bytes : {4, 1000, 4096}) {
        for (const int flags : {O_RDWR | O_CREAT, O_RDWR | O_CREAT | O_APPEND}) {
            CAPTURE(bytes);
            World w;
            Peer& a = w.mount();
            const Opened file = w.create(a, "f", flags);
            const std::size_t count = 2'000'000 / bytes / 4;
            std::string text;
            for (std::size_t i = 0; i < count; ++i) {
                text += pattern(bytes, unsigned(i));
                w.write(a, file.handle, i * bytes, text.substr(i * bytes));
            }
            CHECK(a->state().dirty_bytes < 3 * text.size());
            CHECK(w.read(a, file.handle) == text);
            w.run(a->fsync(file.handle));
            CHECK(w.read_after(a, "f") == text);
        }
    }
}

TEST_CASE("an access time before 1970 is kept, and a later read moves it") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, "text");
    Attr old;
    old.atime = -1'000'000'007;
    const Ino ino = file.node.attr.ino;
    CHECK(w.run(a->setattr(ino, wire::set_atime, old, Who{})).attr.atime == old.atime);
    CHECK(w.run(a->getattr(ino)).attr.atime == old.atime);
    w.read(a, file.handle);
    CHECK(w.run(a->getattr(ino)).attr.atime > 0);
}

TEST_CASE("capabilities that a file gets after it was written stay when the data is sent") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    const Ino ino = file.node.attr.ino;
    w.write(a, file.handle, 0, "text");
    w.run(a->setxattr(ino, "security.capability", Buffer::copy_of("c"), 0));
    Attr program;
    program.mode = 04755;
    w.run(a->setattr(ino, wire::set_mode, program, Who{}));
    w.run(a->fsync(file.handle));
    CHECK(w.run(a->getxattr(ino, "security.capability")).text() == "c");

    w.write(a, file.handle, 0, "more");
    CHECK(w.code(a->getxattr(ino, "security.capability")) == ENODATA);
    CHECK(w.run(a->listxattr(ino)).empty());
    w.run(a->fsync(file.handle));
    CHECK(w.code(a->getxattr(ino, "security.capability")) == ENODATA);
    CHECK((w.run(a->getattr(ino)).attr.mode & 07777) == 04755);
}

TEST_CASE("pages that the kernel writes back keep capabilities, unless a write comes with them") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    const Ino ino = file.node.attr.ino;
    w.run(a->setxattr(ino, "security.capability", Buffer::copy_of("c"), 0));
    const auto capability = [&] { return w.code(a->getxattr(ino, "security.capability")); };
    for (const std::string& text : {pattern(100), pattern(300000)}) {
        w.run(a->write(file.handle, 0, Buffer::copy_of(text), true, false));
        CHECK(capability() == 0);
        CHECK(w.run(a->listxattr(ino)).size() == 1);
        w.run(a->fsync(file.handle));
        CHECK(capability() == 0);
    }

    w.run(a->write(file.handle, 0, Buffer::copy_of("mapped"), true, false));
    w.write(a, file.handle, 10, "called");
    w.run(a->write(file.handle, 20, Buffer::copy_of("mapped"), true, false));
    CHECK(capability() == ENODATA);
    w.run(a->fsync(file.handle));
    CHECK(capability() == ENODATA);
}

TEST_CASE("setuid that a write cleared stays away when what it wrote is cut off") {
    World w;
    Peer& a = w.mount();
    const Opened file = w.create(a, "f");
    const Ino ino = file.node.attr.ino;
    Attr wanted;
    wanted.mode = 04755;
    w.run(a->setattr(ino, wire::set_mode, wanted, Who{}));
    w.run(a->write(file.handle, 0, Buffer::copy_of("text"), false, true));
    wanted.size = 0;
    CHECK((w.run(a->setattr(ino, wire::set_size, wanted, Who{})).attr.mode & 07777) == 0755);
    w.unmount(a);

    CHECK((w.run(w.mount()->getattr(ino)).attr.mode & 07777) == 0755);
}

TEST_CASE("a file without extended attributes answers requests for them, and finds them once set") {
    World w;
    Peer& a = w.mount();
    Peer& b = w.mount();
    const Ino ino = w.create(a, "f").node.attr.ino;
    w.open(b, "f");
    CHECK(w.code(a->getxattr(ino, "user.n")) == ENODATA);
    CHECK(w.code(b->getxattr(ino, "user.n")) == ENODATA);
    CHECK(w.run(b->listxattr(ino)).empty());

    w.run(a->setxattr(ino, "user.n", Buffer::copy_of("v"), 0));
    CHECK(w.run(a->getxattr(ino, "user.n")).text() == "v");
    CHECK(w.run(b->getxattr(ino, "user.n")).text() == "v");
    CHECK(w.run(b->listxattr(ino)) == std::vector<std::string>{"user.n"});
    w.run(b->removexattr(ino, "user.n"));
    CHECK(w.code(a->getxattr(ino, "user.n")) == ENODATA);
}

}  // namespace flexfs::vfs
