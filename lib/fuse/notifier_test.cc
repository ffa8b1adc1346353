#include "lib/fuse/notifier.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "lib/fuse/channel.h"

namespace flexfs::fuse {
namespace {

// A kernel that does not read its notifications until the test says so.
struct SlowKernel {
    int ends[2];
    Channel channel{servers_end(), 1, [](Request) {}};
    Notifier notifier;

    SlowKernel() { notifier.attach(channel); }
    ~SlowKernel() { ::close(ends[0]); }
    int servers_end() {
        REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
        return ends[1];
    }
    // Reads until a notification names `last`, and returns the inodes of all.
    std::vector<wire::Ino> read_until(wire::Ino last) {
        std::vector<wire::Ino> inos;
        while (inos.empty() || inos.back() != last) {
            struct {
                fuse_out_header header;
                fuse_notify_inval_inode_out out;
            } packet{};
            REQUIRE(::read(ends[0], &packet, sizeof packet) == sizeof packet);
            CHECK(packet.header.error == FUSE_NOTIFY_INVAL_INODE);
            inos.push_back(packet.out.ino);
        }
        return inos;
    }
};

}  // namespace

TEST_CASE("a kernel that is told too much at once is told to drop everything, and loses nothing") {
    SlowKernel kernel;
    int walks = 0;
    constexpr wire::Ino known = 1'000'000, newest = 2'000'000;
    kernel.notifier.on_overflow([&] {
        ++walks;
        for (wire::Ino i = 0; i < 100; ++i) kernel.notifier.drop_attributes(known + i);
    });
    wire::Ino told = 0;
    while (walks == 0) kernel.notifier.drop_attributes(++told);
    kernel.notifier.drop_attributes(newest);
    CHECK(told > 60'000);

    const auto inos = kernel.read_until(newest);
    CHECK(walks == 1);
    CHECK(inos.size() < told);
    // The last notices are those of the walk, the one that found the queue full, and the newest.
    REQUIRE(inos.size() >= 102);
    const auto walked = inos.end() - 102;
    for (wire::Ino i = 0; i < 100; ++i) CHECK(walked[std::ptrdiff_t(i)] == known + i);
    CHECK(walked[100] == told);
}

TEST_CASE("a walk that is longer than the queue does not begin again") {
    SlowKernel kernel;
    int walks = 0;
    constexpr wire::Ino many = 200'000;
    kernel.notifier.on_overflow([&] {
        ++walks;
        for (wire::Ino i = 1; i <= many; ++i) kernel.notifier.drop_attributes(i);
    });
    while (walks == 0) kernel.notifier.drop_attributes(7);
    for (wire::Ino i = 1; i <= many / 2; ++i) kernel.notifier.drop_attributes(many + i);
    CHECK(walks == 1);

    const auto inos = kernel.read_until(many + many / 2);
    CHECK(inos.size() > many + many / 2);
}

}  // namespace flexfs::fuse
