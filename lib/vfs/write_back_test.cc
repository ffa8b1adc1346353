// Tests that data counts as unsent until it is stored or discarded, and that it is written back
// whatever happens to its file.
#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

constexpr std::uint32_t punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

// A file with stored and unsent data.
struct OneFile : World {
    Peer& a;
    Opened file;
    Ino ino;
    std::string text;

    explicit OneFile(std::size_t stored, std::size_t unsent, Setup setup = {})
        : World(setup),
          a(mount()),
          file(create(a, "f")),
          ino(file.node.attr.ino),
          text(pattern(stored + unsent)) {
        if (stored > 0) write(a, file.handle, 0, text.substr(0, stored));
        run(a->fsync(file.handle));
        write(a, file.handle, stored, text.substr(stored));
        REQUIRE(a->state().dirty_bytes > 0);
        REQUIRE(a->state().dirty_files == 1);
    }
    int cut(std::uint64_t size) { return code(set_size(a, ino, size)); }
    void set_flags(std::uint32_t flags) {
        Attr attr;
        attr.flags = flags;
        run(a->setattr(ino, wire::set_flags, attr, Who{}));
    }
    bool nothing_unsent() { return a->state().dirty_bytes == 0 && a->state().dirty_files == 0; }
};

}  // namespace

TEST_CASE("a small file is stored before it replaces another, not before it gets a new name") {
    OneFile w(0, 5000);
    w.create(w.a, "old");
    const Opened large = w.create(w.a, "large");
    w.write(w.a, large.handle, 0, pattern(100'000));
    const auto stored = [&] { return w.volume->read(wire::GetAttr{w.ino}).value().attr.size; };
    w.run(w.a->rename(wire::root_ino, "f", wire::root_ino, "new", 0, Who{}));
    CHECK(stored() == 0);
    w.run(w.a->rename(wire::root_ino, "new", wire::root_ino, "old", 0, Who{}));
    CHECK(stored() == 5000);
    CHECK(w.a->state().dirty_files == 1);
    CHECK(w.read(w.a, w.file.handle) == w.text);
    w.run(w.a->rename(wire::root_ino, "large", wire::root_ino, "old", 0, Who{}));
    CHECK(w.store.puts == 0);
}

TEST_CASE("unsent data is stored after a refused change, by fsync and at unmount") {
    for (const std::size_t stored : {0, 4000, 300'000}) {
        for (const bool hole : {true, false}) {
            for (const bool at_end : {true, false}) {
                CAPTURE(stored);
                CAPTURE(hole);
                CAPTURE(at_end);
                OneFile w(stored, 20'000);
                w.set_flags(wire::flag_append);
                if (hole)
                    CHECK(w.code(w.a->allocate(w.file.handle, punch, 100, 22'000, false)) == EPERM);
                else CHECK(w.cut(100) == EPERM);

                w.run(at_end ? w.a->flush_all() : w.a->fsync(w.file.handle));
                CHECK(w.nothing_unsent());
                CHECK(w.read(w.a, w.file.handle) == w.text);
                w.unmount(w.a);
                Peer& b = w.mount();
                CHECK(w.read(b, w.open(b, "f", O_RDONLY).handle) == w.text);
            }
        }
    }
}

TEST_CASE("data that is truncated, punched, zeroed or overwritten is no longer unsent") {
    for (const std::size_t stored : {0, 4000, 300'000}) {
        CAPTURE(stored);
        {
            OneFile w(stored, 20'000);
            CHECK(w.cut(stored) == 0);
            CHECK(w.nothing_unsent());
        }
        for (const std::uint32_t mode : {punch, std::uint32_t{FALLOC_FL_ZERO_RANGE}}) {
            OneFile w(stored, 20'000);
            w.run(w.a->allocate(w.file.handle, mode, stored, 20'000, false));
            CHECK(w.nothing_unsent());
        }
        {
            OneFile w(stored, 20'000);
            for (unsigned i = 0; i < 100; ++i)
                w.write(w.a, w.file.handle, stored + 37 * i, pattern(10'000, i));
            CHECK(w.a->state().dirty_bytes < 3'000'000);
            w.run(w.a->fsync(w.file.handle));
            CHECK(w.nothing_unsent());
        }
        {
            OneFile w(stored, 20'000);
            const Opened from = w.create(w.a, "from");
            w.write(w.a, from.handle, 0, pattern(500'000, 5));
            w.run(w.a->copy(from.handle, 0, w.file.handle, 10, 500'000, false));
            w.run(w.a->flush_all());
            CHECK(w.nothing_unsent());
        }
    }
}

TEST_CASE("an unlinked file is unsent until its last close, and does not delay unmounting") {
    for (const std::size_t stored : {0, 4000, 300'000}) {
        for (const bool forgotten : {true, false}) {
            CAPTURE(stored);
            CAPTURE(forgotten);
            OneFile w(stored, 20'000);
            w.run(w.a->unlink(wire::root_ino, "f"));
            w.a->release(w.file.handle);
            if (forgotten) w.a->forget(w.ino);
            CHECK(w.nothing_unsent() == forgotten);

            // After unmounting, the kernel sends no forgets.
            if (stored == 4000) w.run(w.a->flush_all());
            w.a->end_handles();
            CHECK(w.nothing_unsent());
            w.run(w.a->flush_all());
        }
    }
}

TEST_CASE("an unlinked file that may be opened again keeps its unsent data") {
    OneFile w(4000, 20'000);
    w.run(w.a->unlink(wire::root_ino, "f"));
    w.a->release(w.file.handle);  // as with O_PATH: closed, but not forgotten
    w.run(w.a->flush_all());
    CHECK(w.nothing_unsent());
    CHECK(w.read(w.a, w.run(w.a->open(w.ino, O_RDWR)).handle) == w.text);
}

TEST_CASE("data that could not be stored stays unsent until it is stored, which frees its memory") {
    for (const bool metadata : {true, false}) {
        CAPTURE(metadata);
        OneFile w(4000, 20'000, {.memory = 16 << 20, .dirty = 1 << 20});
        w.store.put_code = ENOSPC;
        if (metadata) w.volume->fail_disk(ENOSPC);
        else w.store.fail_put = 1;
        CHECK(w.code(w.a->flush_all()) == ENOSPC);
        CHECK(!w.nothing_unsent());

        w.volume->fail_disk(0);
        w.run(w.a->flush_all());
        CHECK(w.nothing_unsent());
        // A writer that exceeds the limit of dirty data waits again instead of being refused.
        for (std::uint64_t at = 0; at < 16; ++at)
            w.write(w.a, w.file.handle, at * 500'000, noise(500'000, at));
        w.run(w.a->fsync(w.file.handle));
        CHECK(w.nothing_unsent());
    }
}

TEST_CASE("data refused by the limit of the volume is not unsent") {
    OneFile w(300'000, 20'000, {.max_blocks = 2});
    w.run(w.a->write(w.file.handle, 320'000, Buffer::copy_of(noise(600'000, 1)), false, false));
    CHECK(w.code(w.a->write(w.file.handle, 1 << 20, Buffer::copy_of("x"), false, false)) == ENOSPC);
    w.run(w.a->flush_all());
    CHECK(w.nothing_unsent());
}

TEST_CASE("discarding the unsent data ends the mount at once, whatever the store answers") {
    OneFile w(4000, 600'000);
    w.store.fail_put = 1;
    w.store.lasting = true;
    const int puts = w.store.puts;
    w.run(w.a->close(Filesystem::AtClose::give_up));
    w.a.client.reset();
    CHECK(w.store.puts == puts);
    w.store.fail_put = 0;

    Peer& b = w.mount();
    CHECK(w.read(b, w.open(b, "f").handle) == w.text.substr(0, 4000));
}

}  // namespace flexfs::vfs
