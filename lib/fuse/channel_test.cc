#include "lib/fuse/channel.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fuse/server.h"

namespace flexfs::fuse {
namespace {

// Keeps message boundaries, as the kernel's queue does.
struct Kernel {
    int ends[2];
    Kernel() { check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) == 0); }
    ~Kernel() { ::close(ends[0]); }
    void ask(std::uint32_t opcode, std::uint64_t unique, std::string_view body) {
        const fuse_in_header header{
            .len = std::uint32_t(sizeof header + body.size()), .opcode = opcode, .unique = unique};
        std::string packet(reinterpret_cast<const char*>(&header), sizeof header);
        packet += body;
        check(::write(ends[0], packet.data(), packet.size()) == ssize_t(packet.size()));
    }
    std::string answer() {
        char packet[4096];
        const ssize_t size = ::read(ends[0], packet, sizeof packet);
        return size < 0 ? std::string() : std::string(packet, std::size_t(size));
    }
};

}  // namespace

TEST_CASE("requests arrive in order and replies carry their number and errno") {
    Kernel kernel;
    std::vector<std::uint64_t> seen;
    Channel channel(kernel.ends[1], 4, [&](Request request) { seen.push_back(request.unique()); });
    kernel.ask(FUSE_GETATTR, 7, "body");
    kernel.ask(FUSE_GETATTR, 8, "");

    CHECK(channel.poll());
    CHECK(!channel.poll());
    CHECK(seen == std::vector<std::uint64_t>{7, 8});
    channel.send(7, fail(ENOENT));
    const std::string reply = kernel.answer();
    REQUIRE(reply.size() == sizeof(fuse_out_header));
    CHECK(load_le<fuse_out_header>(as_bytes(reply).data()).error == -ENOENT);
    CHECK(load_le<fuse_out_header>(as_bytes(reply).data()).unique == 7);
}

TEST_CASE("a name without an end is refused, not read past") {
    const Request request({}, Buffer::copy_of("endless"));

    CHECK(request.name().error().code == EINVAL);
    CHECK(request.name(100).error().code == EINVAL);
    CHECK(request.data(4, 4).error().code == EINVAL);
    CHECK(request.data(~0ull, 1).error().code == EINVAL);
}

TEST_CASE("a struct that an older kernel sends short is filled with zeros") {
    const Request request({}, Buffer::copy_of(std::string_view("\1\0\0\0", 4)));
    const auto in = request.head<fuse_setxattr_in>();

    CHECK(in.size == 1);
    CHECK(in.flags == 0);
}

TEST_CASE("while large requests are unanswered, the channel takes no more than its bound") {
    Kernel kernel;
    std::vector<std::uint64_t> seen;
    Channel channel(kernel.ends[1], 1, [&](Request request) { seen.push_back(request.unique()); });
    const std::string large(100'000, 'x');
    kernel.ask(FUSE_WRITE, 7, large);
    kernel.ask(FUSE_GETATTR, 8, "");

    channel.poll();
    CHECK(seen == std::vector<std::uint64_t>{7});
    CHECK(!channel.wanted());
    channel.send(7, Answer());
    channel.poll();
    CHECK(seen == std::vector<std::uint64_t>{7, 8});
}

TEST_CASE("a request without a reply does not count as a large request") {
    Kernel kernel;
    std::vector<std::uint64_t> seen;
    Channel channel(kernel.ends[1], 1, [&](Request request) { seen.push_back(request.unique()); });
    const std::string many(100'000, '\0');
    kernel.ask(FUSE_BATCH_FORGET, 0, many);
    kernel.ask(FUSE_GETATTR, 8, "");

    channel.poll();
    CHECK(channel.wanted());
    CHECK(seen == std::vector<std::uint64_t>{0, 8});
}

TEST_CASE("a paused channel leaves its requests where they are") {
    Kernel kernel;
    std::vector<std::uint64_t> seen;
    Channel channel(kernel.ends[1], 4, [&](Request request) { seen.push_back(request.unique()); });
    channel.pause(true);
    kernel.ask(FUSE_GETATTR, 7, "");

    CHECK(!channel.wanted());
    CHECK(!channel.poll());
    channel.pause(false);
    CHECK(channel.poll());
    CHECK(seen == std::vector<std::uint64_t>{7});
}

TEST_CASE("an agreement of another build with the kernel is accepted only if it is supported") {
    const Negotiated ours{protocol_minor, FUSE_ASYNC_READ | FUSE_BIG_WRITES, data_bytes_max};
    Negotiated newer = ours, larger = ours, other = ours;
    newer.minor = protocol_minor + 1;
    larger.data_bytes_max = 2 * data_bytes_max;
    other.features |= FUSE_WRITEBACK_CACHE;

    CHECK(check_negotiated(ours));
    for (const Negotiated& unknown : {newer, larger, other})
        CHECK(code_of(check_negotiated(unknown)) == EPROTO);
}

}  // namespace flexfs::fuse
