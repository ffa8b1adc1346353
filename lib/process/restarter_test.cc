#include "lib/process/restarter.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "lib/process/handover.h"

namespace flexfs::process {
namespace {

// A process that records the calls of the restarter.
struct Fake final : Restartable {
    std::string steps;
    std::function<void()> at_pause = [] {};
    int store_error = 0;
    bool is_stopping = false;
    std::vector<int> kept;

    bool stopping() const override { return is_stopping; }
    Result<void> check_program(const std::string&) const override { return {}; }
    Task<void> store() override {
        steps += "store ";
        if (store_error != 0) co_await fail(store_error);
    }
    std::string unstored() const override { return "3.0 MiB"; }
    Task<void> pause() override {
        steps += "pause ";
        at_pause();
        co_return;
    }
    void go_on() override { steps += "go_on "; }
    Handover hand_over(int own_program) override {
        if (own_program >= 0) steps += "hand_over ";
        return {{"flexfs", "serve"}, Buffer::copy_of("the state"), kept};
    }
};

// A shell script that replaces the next program.
struct Script {
    std::string path;
    explicit Script(const std::string& lines) {
        char name[] = "/tmp/flexfs-restarter-XXXXXX";
        const Descriptor made(::mkstemp(name));
        path = name;
        std::ofstream(path) << "#!/bin/sh\n" << lines << "\n";
        ::chmod(path.c_str(), 0700);
    }
    ~Script() { std::filesystem::remove(path); }
};
constexpr const char* consents = R"(case "$*" in
*--checkTakeover=*) echo "flexfs can take over"; exit;;
esac)";

std::string restart(Fake& process, const std::string& program) {
    Loop loop;
    Restarter restarter(loop, process, program);
    return loop.run(restarter.restart()).value();
}

}  // namespace

TEST_CASE("a program that cannot take over is refused before anything is paused") {
    Fake process;
    const Script other("echo hello"), failing("echo 'flexfs: too old' >&2; exit 1");

    CHECK(restart(process, other.path) == other.path + " is not a flexfs that can take over");
    CHECK(restart(process, failing.path) == failing.path + ": too old");
    CHECK(restart(process, "/none/such") == "/none/such: No such file or directory");
    CHECK(process.steps == "go_on go_on go_on ");
}

TEST_CASE("a process whose data cannot be stored goes on, and says how much that is") {
    Fake process;
    process.store_error = ENOSPC;
    const Script next(consents);

    CHECK(restart(process, next.path) ==
          "3.0 MiB cannot be written back now (No space left on device)");
    CHECK(process.steps == "store go_on ");
}

TEST_CASE("a process that is told to stop meanwhile is not replaced") {
    Fake process;
    process.at_pause = [&] { process.is_stopping = true; };
    const Script next(consents);

    CHECK(restart(process, next.path) == "the process is stopping");
    CHECK(process.steps == "store pause store go_on ");
}

TEST_CASE("the next program goes on with the state and with the descriptors that are kept") {
    const Script next(std::string(consents) + R"sh(
for word; do case $word in --handover=*) memory=${word#*=};; esac; done
printf '%s|%s|%s' "$1" "$(cat /proc/self/fd/$memory)" "$$" >&9)sh");
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    Descriptor from(ends[0]), to(ends[1]);

    const pid_t child = ::fork();
    if (child == 0) {
        ::dup3(to.get(), 9, O_CLOEXEC);
        Fake process;
        process.kept = {9};
        restart(process, next.path);
        ::_exit(1);
    }
    to.close();
    char said[100] = {};
    std::size_t size = 0;
    for (ssize_t n; (n = ::read(from.get(), said + size, sizeof said - size)) > 0;)
        size += std::size_t(n);
    int status = 0;
    ::waitpid(child, &status, 0);

    CHECK(status == 0);
    CHECK(std::string(said) == "serve|the state|" + std::to_string(child));
}

}  // namespace flexfs::process
