#include "lib/process/image.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace flexfs::process {
namespace {

Result<std::string> shell(const std::string& script, int inherited = STDERR_FILENO) {
    const std::vector<std::string> words{"sh", "-c", script};
    return ask_program("/bin/sh", words, inherited);
}

}  // namespace

TEST_CASE("a program is asked, and its answer is what it prints") {
    CHECK(shell("echo yes; echo more >&2") == "yes\nmore\n");
    CHECK(shell("read line; echo \"$line.\"") == ".\n");  // its input is empty
}

TEST_CASE("the inherited descriptor is open in the program, and others are not") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const Descriptor from(ends[0]), to(ends[1]);
    const std::string script = "test -e /proc/self/fd/" + std::to_string(to.get()) +
                               " && test ! -e /proc/self/fd/" + std::to_string(from.get()) +
                               " && echo fine";

    CHECK(shell(script, to.get()) == "fine\n");
}

TEST_CASE("a program that fails is quoted, without the name of the program before it") {
    const auto failed = shell("echo 'flexfs: no such flag' >&2; echo more; exit 2");
    REQUIRE(!failed);
    CHECK(failed.error().message() == "/bin/sh: no such flag");
    CHECK(shell("exit 3").error().message() == "/bin/sh ended with exit code 3");
    CHECK(shell("kill -9 $$").error().message() == "/bin/sh was killed: Killed");
}

TEST_CASE("a program that cannot be started is an errno") {
    const std::vector<std::string> words{"x"};
    CHECK(code_of(ask_program("/none/such", words, STDERR_FILENO)) == ENOENT);
    CHECK(code_of(ask_program("/", words, STDERR_FILENO)) == EACCES);
}

TEST_CASE("becoming a program that does not exist changes nothing") {
    const Descriptor kept(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const std::vector<std::string> words{"x"};
    const int descriptors[] = {kept.get()};

    const Error failed = become("/none/such", words, descriptors);

    CHECK(failed.code == ENOENT);
    CHECK(::fcntl(kept.get(), F_GETFD) == FD_CLOEXEC);
    sigset_t held;
    REQUIRE(::pthread_sigmask(SIG_SETMASK, nullptr, &held) == 0);
    CHECK(sigismember(&held, SIGTERM) == 0);
}

TEST_CASE("the program's own file is reached through its descriptor") {
    const auto program = open_own_program();
    REQUIRE(program);
    CHECK(::access(path_of(program->get()).c_str(), X_OK) == 0);
    CHECK(program_path().starts_with('/'));
}

}  // namespace flexfs::process
