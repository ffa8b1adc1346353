#include "lib/loop/descriptor_watch.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <string>

namespace flexfs::loop {
namespace {

struct Pair {
    int ours = -1, theirs = -1;
    Pair() {
        int both[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both) == 0);
        ours = both[0];
        theirs = both[1];
    }
    ~Pair() {
        ::close(ours);
        ::close(theirs);
    }
    void fill() {
        const std::string bytes(4096, 'x');
        while (::write(ours, bytes.data(), bytes.size()) > 0) {}
    }
    static void drain(int fd) {
        char bytes[4096];
        while (::read(fd, bytes, sizeof bytes) > 0) {}
    }
};

// Records the last report of a watch.
struct Told {
    std::optional<Directions> ready;
    task::WaitList came;

    DescriptorWatch::Handler handler() {
        return [this](Directions directions) {
            ready = directions;
            came.wake_all();
        };
    }
    Directions next(Loop& loop) {
        ready.reset();
        static_cast<void>(loop.run(wait(*this)));
        return *ready;
    }
    static Task<void> wait(Told& told) {
        while (!told.ready) co_await told.came.wait();
    }
};

constexpr Directions reading{.read = true}, writing{.write = true};
constexpr Directions both{.read = true, .write = true};

}  // namespace

TEST_CASE("a watch tells the directions that are wanted, and follows what is wanted next") {
    Loop loop;
    Pair pair;
    Told told;
    DescriptorWatch watch(loop, pair.ours, told.handler());

    watch.want(writing);
    CHECK(told.next(loop) == writing);
    watch.want(both);
    CHECK(told.next(loop) == writing);
    REQUIRE(::write(pair.theirs, "x", 1) == 1);
    CHECK(told.next(loop) == both);
    watch.want(reading);
    CHECK(told.next(loop) == reading);
    Pair::drain(pair.ours);
    pair.fill();
    watch.want(both);
    REQUIRE(::write(pair.theirs, "x", 1) == 1);
    CHECK(told.next(loop) == reading);
    Pair::drain(pair.ours);
    Pair::drain(pair.theirs);
    CHECK(told.next(loop) == writing);
}

TEST_CASE("a watch that wants nothing tells nothing") {
    Loop loop;
    Pair pair;
    Told told, other;
    DescriptorWatch watch(loop, pair.ours, told.handler());
    DescriptorWatch witness(loop, pair.theirs, other.handler());
    watch.want(both);
    watch.want({});
    witness.want(writing);

    for (int i = 0; i < 3; ++i) CHECK(other.next(loop) == writing);
    CHECK_FALSE(told.ready);
}

TEST_CASE("a handler may destroy its watch") {
    Loop loop;
    Pair pair;
    Told told;
    std::optional<DescriptorWatch> watch;
    watch.emplace(loop, pair.ours, [&, said = told.handler()](Directions ready) {
        said(ready);
        watch.reset();
    });
    watch->want(writing);

    CHECK(told.next(loop) == writing);
    CHECK_FALSE(watch);
}

TEST_CASE("a peer that has gone makes a watched descriptor ready") {
    Loop loop;
    Pair pair;
    Told told;
    DescriptorWatch watch(loop, pair.ours, told.handler());
    watch.want(reading);
    ::shutdown(pair.theirs, SHUT_RDWR);

    CHECK(told.next(loop) == reading);
}

}  // namespace flexfs::loop
