// Several clients on one volume behave like processes on one machine.
#include <stdio.h>

#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {

EVERYWHERE("the kernel keeps a listing until a name in it changes, here or elsewhere") {
    World w;
    Peer& a = w.mount();
    Peer& b = w.mount();
    const auto kept = [&] { return w.run(a->opendir(wire::root_ino)).keep_cache; };
    w.run(a->lookup(wire::root_ino, "."));

    CHECK(!kept());
    CHECK(kept());
    w.create(a, "f");
    CHECK(!kept());
    CHECK(kept());
    w.run(a->unlink(wire::root_ino, "f"));
    CHECK(!kept());
    w.create(b, "g");
    CHECK(!kept());
}

EVERYWHERE("names that another client gives and takes in a folder that this one made are seen") {
    World w;
    Peer &a = w.mount(), &b = w.mount();
    const auto folder = [&](Ino parent, const char* name) {
        return w.run(a->make(parent, name, S_IFDIR | 0755, 0, {}, Who{}, 0)).attr.ino;
    };
    const Ino d = folder(wire::root_ino, "d"), in = folder(d, "in");
    CHECK(w.code(a->lookup(d, "x")) == ENOENT);
    CHECK(w.code(a->lookup(in, "x")) == ENOENT);
    CHECK(w.code(a->lookup(d, std::string(256, 'x'))) == ENAMETOOLONG);
    CHECK(w.run(a->lookup(d, "in")).attr.ino == in);

    const Opened x = w.run(b->create(d, "x", 0644, O_RDWR | O_CREAT, Who{}));
    CHECK(w.run(a->lookup(d, "x")).attr.ino == x.node.attr.ino);
    w.run(b->rename(d, "x", in, "y", 0, Who{}));
    CHECK(w.code(a->lookup(d, "x")) == ENOENT);
    CHECK(w.run(a->lookup(in, "y")).attr.ino == x.node.attr.ino);
    w.run(b->unlink(in, "y"));
    CHECK(w.code(a->lookup(in, "y")) == ENOENT);
    w.run(b->rmdir(d, "in"));
    CHECK(w.code(a->lookup(d, "in")) == ENOENT);
    CHECK(w.code(a->create(in, "z", 0644, O_RDWR | O_CREAT, Who{})) == ENOENT);
}

EVERYWHERE("a rename that is answered late gives no name that another client took meanwhile") {
    World w({.sync_always = true});
    Peer &a = w.mount(), &b = w.mount();
    const Ino ino = w.create(a, "x").node.attr.ino;

    task::Scope both;  // they are sent in one batch
    both.start(a->rename(wire::root_ino, "x", wire::root_ino, "y", 0));
    both.start(b->rename(wire::root_ino, "y", wire::root_ino, "z", 0));
    w.run(both.join());

    CHECK(w.run(a->getattr(ino)).attr.ino == ino);
    CHECK(w.code(a->lookup(wire::root_ino, "y")) == ENOENT);
    CHECK(w.run(a->lookup(wire::root_ino, "z")).attr.ino == ino);
}

EVERYWHERE("after each change of names the attributes that a client keeps are the service's") {
    World w;
    Peer& a = w.mount();
    const Ino d = w.run(a->make(wire::root_ino, "d", S_IFDIR | 0755, 0, {}, Who{}, 0)).attr.ino;
    const Ino e = w.run(a->make(wire::root_ino, "e", S_IFDIR | 0755, 0, {}, Who{}, 0)).attr.ino;
    const Opened file = w.run(a->create(d, "f", 0644, O_RDWR | O_CREAT, Who{}));
    const Ino f = file.node.attr.ino;
    const auto same = [&](std::initializer_list<Ino> inos) {
        for (const Ino ino : inos) {
            CAPTURE(ino);
            CHECK(w.run(a->getattr(ino)).attr == w.volume->read(wire::GetAttr{ino})->attr);
        }
    };
    same({d, e, f});
    w.run(a->rename(d, "f", e, "g", 0, Who{}));
    same({d, e, f});
    w.run(a->link(f, d, "f", Who{}));
    same({d, e, f});
    w.run(a->rename(e, "g", e, "h", 0, Who{}));
    same({d, e, f});
    w.run(a->rename(d, "f", e, "h", 0, Who{}));  // both are names of one file and stay
    same({d, e, f});
    CHECK(w.run(a->lookup(d, "f")).attr.ino == f);
    w.run(a->rename(wire::root_ino, "d", e, "d", 0, Who{}));
    same({wire::root_ino, d, e});
    w.run(a->rename(e, "d", e, "h", RENAME_EXCHANGE, Who{}));
    same({d, e, f});
    CHECK(w.run(a->lookup(e, "h")).attr.ino == d);
    CHECK(w.run(a->lookup(e, "d")).attr.ino == f);
    w.run(a->unlink(e, "d"));
    w.run(a->unlink(d, "f"));
    w.run(a->rmdir(e, "h"));
    same({wire::root_ino, e});
    CHECK(w.code(a->lookup(e, "h")) == ENOENT);
}

EVERYWHERE("unsent writes of one client are visible to another that looks, opens or reads") {
    World w;
    Peer &a = w.mount(), &b = w.mount();
    const Opened file = w.create(a, "f");
    const Opened other = w.open(b, "f", O_RDONLY);
    w.write(a, file.handle, 0, "hello");
    CHECK(w.size(b, "f") == 5);
    w.write(a, file.handle, 5, " you");
    CHECK(w.read(b, other.handle) == "hello you");
    w.write(a, file.handle, 0, "H");
    CHECK(w.read(b, w.open(b, "f", O_RDONLY).handle) == "Hello you");
    CHECK(w.run(b->getattr(file.node.attr.ino)).attr.size == 9);
}

EVERYWHERE("two clients that write different bytes of one file keep both") {
    for (const std::size_t bytes : {10, 4000, 300'000}) {
        CAPTURE(bytes);
        World w;
        Peer &a = w.mount(), &b = w.mount();
        const Opened at_a = w.create(a, "f");
        const Opened at_b = w.open(b, "f");
        const std::string ours = pattern(bytes, 1), theirs = pattern(bytes, 2);
        for (int i = 0; i < 4; ++i) {
            w.write(a, at_a.handle, 2 * i * bytes, ours);
            w.write(b, at_b.handle, (2 * i + 1) * bytes, theirs);
        }
        const std::string pair = ours + theirs;
        CHECK(w.read(a, at_a.handle) == pair + pair + pair + pair);
        CHECK(w.read(b, at_b.handle) == pair + pair + pair + pair);
        w.run(a->fsync(at_a.handle));
        w.run(b->fsync(at_b.handle));
        Peer& c = w.mount();
        CHECK(w.read(c, w.open(c, "f").handle) == pair + pair + pair + pair);
    }
}

EVERYWHERE("changes by another client drop entries from the client's and its kernel's caches") {
    World w;
    Peer &a = w.mount(), &b = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, "one");
    const Opened other = w.open(b, "f");
    CHECK(w.read(b, other.handle) == "one");
    b.dropped = {};

    w.write(a, file.handle, 0, "two");
    w.run(a->fsync(file.handle));
    CHECK(std::ranges::count(b.dropped.data, file.node.attr.ino) > 0);
    CHECK(w.read(b, other.handle) == "two");

    w.run(b->lookup(wire::root_ino, "f"));
    w.run(a->rename(wire::root_ino, "f", wire::root_ino, "g", 0));
    CHECK(std::ranges::count(b.dropped.entries, "f") > 0);
    CHECK(w.code(b->lookup(wire::root_ino, "f")) == ENOENT);
    CHECK(w.run(b->lookup(wire::root_ino, "g")).attr.ino == file.node.attr.ino);

    w.run(a->setattr(file.node.attr.ino, wire::set_mode, {.mode = 0600}, Who{}));
    CHECK((w.run(b->getattr(file.node.attr.ino)).attr.mode & 07777) == 0600);
}

EVERYWHERE("a truncation by another client reaches what is unsent") {
    World w;
    Peer &a = w.mount(), &b = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, pattern(500'000));

    w.run(w.set_size(b, file.node.attr.ino, 100));
    CHECK(w.read(a, file.handle) == pattern(100));
    CHECK(w.size(a, "f") == 100);
    w.write(a, file.handle, 200, "x");
    CHECK(w.read(b, w.open(b, "f").handle) == pattern(100) + std::string(100, '\0') + "x");
}

EVERYWHERE("a file unlinked by one client stays usable for another that has it open") {
    World w;
    Peer &a = w.mount(), &b = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, "kept");
    a->release(file.handle);
    const Opened open = w.open(b, "f");

    w.run(a->unlink(wire::root_ino, "f"));
    a->forget(file.node.attr.ino);
    CHECK(w.read(b, open.handle) == "kept");
    w.write(b, open.handle, 4, " on");
    CHECK(w.read(b, open.handle) == "kept on");
    b->release(open.handle);
    w.unmount(a);
    w.unmount(b);
    w.upkeep();
    CHECK(w.volume->read(wire::StatFs{})->inodes == 1);
}

EVERYWHERE("a client that cannot write back keeps another waiting, then gives it what it wrote") {
    World w({.inline_bytes = 0});
    Peer &a = w.mount(), &b = w.mount();
    const Opened file = w.create(a, "f");
    w.write(a, file.handle, 0, "late");
    w.store.fail_put = 1;

    CHECK(w.read(b, w.open(b, "f", O_RDONLY).handle) == "late");
    CHECK(w.store.puts >= 2);
}

EVERYWHERE("listings tell every client the same, with sizes that are not sent yet") {
    World w;
    Peer &a = w.mount(), &b = w.mount();
    for (int i = 0; i < 300; ++i) {
        const Opened file = w.create(a, "f" + std::to_string(i));
        w.write(a, file.handle, 0, std::string(std::size_t(i), 'x'));
        a->release(file.handle);
    }
    for (Peer* peer : {&a, &b}) {
        for (const bool plus : {false, true}) {
            std::map<std::string, std::uint64_t> seen;
            const HandleId list = w.run((*peer)->opendir(wire::root_ino)).handle;
            std::uint64_t cookie = 0;
            for (;;) {
                const auto listed = w.run((*peer)->readdir(list, cookie, plus));
                if (listed.empty()) break;
                for (const Listed& entry : listed) {
                    CHECK(seen.emplace(entry.name, entry.node.attr.size).second);
                    cookie = entry.cookie;
                }
            }
            (*peer)->releasedir(list);
            CHECK(seen.size() == 302);
            if (plus) CHECK(seen["f123"] == 123);
        }
    }
}

EVERYWHERE("a listing under changes neither misses nor repeats a name that is there all the time") {
    World w;
    Peer& a = w.mount();
    for (int i = 0; i < 2000; ++i) w.create(a, "keep" + std::to_string(i));
    const HandleId list = w.run(a->opendir(wire::root_ino)).handle;
    std::map<std::string, int> seen;
    std::uint64_t cookie = 0;
    for (int step = 0;; ++step) {
        const auto listed = w.run(a->readdir(list, cookie, true));
        if (listed.empty()) break;
        // A kernel with a small buffer uses only a part of it.
        for (std::size_t i = 0; i < std::min<std::size_t>(listed.size(), 20); ++i) {
            ++seen[listed[i].name];
            cookie = listed[i].cookie;
        }
        w.create(a, "new" + std::to_string(step));
        if (step > 0) w.run(a->unlink(wire::root_ino, "new" + std::to_string(step - 1)));
    }
    for (int i = 0; i < 2000; ++i) CHECK(seen["keep" + std::to_string(i)] == 1);
}

// The kernel uses the entries of a listing as answers to lookups.
EVERYWHERE("a listing under way has no name that is gone, and attributes as they are now") {
    World w;
    Peer& a = w.mount();
    for (int i = 0; i < 100; ++i) w.create(a, "f" + std::to_string(i));
    const HandleId list = w.run(a->opendir(wire::root_ino)).handle;
    const auto first = w.run(a->readdir(list, 0, true));
    REQUIRE(first.size() > 8);
    const std::uint64_t cookie = first[5].cookie;
    const Ino kept = first[7].node.attr.ino;

    w.run(a->setxattr(kept, "user.a", Buffer::copy_of("1"), 0));
    const auto marked = w.run(a->readdir(list, cookie, true));
    CHECK(marked[1].node.attr.ino == kept);
    CHECK(marked[1].node.attr.has_xattrs);

    w.run(a->unlink(wire::root_ino, first[6].name));
    const auto rest = w.run(a->readdir(list, cookie, true));
    CHECK(rest.front().name == first[7].name);
}

}  // namespace flexfs::vfs
