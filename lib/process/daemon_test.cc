#include "lib/process/daemon.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace flexfs::process {
namespace {

struct Pipe {
    Descriptor from, to;
    Pipe() {
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        from = Descriptor(ends[0]);
        to = Descriptor(ends[1]);
    }
};

}  // namespace

TEST_CASE("the parent hears that the daemon is ready") {
    Pipe pipe;
    Readiness readiness(std::move(pipe.to));

    readiness.ready("serving /m");
    readiness.failed({EIO, "too late"});  // a verdict is reported once

    CHECK(await_verdict(pipe.from));
}

TEST_CASE("the parent gets the daemon's error with its code and its sentence") {
    Pipe pipe;
    Readiness readiness(std::move(pipe.to));

    readiness.failed({ENOTEMPTY, "the folder holds files", true});

    const auto verdict = await_verdict(pipe.from);
    REQUIRE(!verdict);
    CHECK(verdict.error().code == ENOTEMPTY);
    CHECK(verdict.error().message() == "the folder holds files");
}

TEST_CASE("a daemon that ends without a verdict has failed") {
    for (const char* said : {"", "-", "-x", "-12", "nonsense"}) {
        Pipe pipe;
        REQUIRE(::write(pipe.to.get(), said, std::strlen(said)) == ssize_t(std::strlen(said)));
        pipe.to.close();
        CAPTURE(said);
        CHECK(code_of(await_verdict(pipe.from)) == EPIPE);
    }
}

TEST_CASE("the service manager gets the state as a datagram") {
    const std::string path = "@flexfs-test-" + std::to_string(::getpid());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, path.data() + 1, path.size() - 1);
    const Descriptor manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    REQUIRE(::bind(manager.get(), reinterpret_cast<sockaddr*>(&address),
                   socklen_t(offsetof(sockaddr_un, sun_path) + path.size())) == 0);
    CHECK(!has_service_manager());
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    CHECK(has_service_manager());

    Readiness().ready("serving /m");
    ::unsetenv("NOTIFY_SOCKET");

    char said[100];
    const ssize_t size = ::recv(manager.get(), said, sizeof said, MSG_DONTWAIT);
    REQUIRE(size > 0);
    CHECK(std::string_view(said, std::size_t(size)) == "READY=1\nSTATUS=serving /m");
}

}  // namespace flexfs::process
