#include "lib/process/presence.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "lib/base/scratch_test.h"
#include "lib/process/service_lock.h"

namespace flexfs::process {
namespace {

namespace fs = std::filesystem;

// A separate flexfs home, which is removed at the end.
struct Home {
    TestFolder scratch;
    std::string path = scratch.path();
    Home() { ::setenv("FLEXFS_HOME", path.c_str(), 1); }
    ~Home() { ::unsetenv("FLEXFS_HOME"); }
};

}  // namespace

TEST_CASE("each place has files of its own, also where their names could be mixed up") {
    const Home home;

    CHECK(presence_of("mount", "/mnt/a")->lock == home.path + "/mount/run/mnt-a.lock");
    CHECK(presence_of("mount", "/mnt/a")->log == home.path + "/mount/log/mnt-a.log");
    CHECK(presence_of("mount", "/mnt-a")->lock == home.path + "/mount/run/mnt%2Da.lock");
    CHECK(presence_of("mount", "/")->lock == home.path + "/mount/run/%2F.lock");
    CHECK(presence_of("meta", "/mnt/a")->lock == home.path + "/meta/run/mnt-a.lock");
}

TEST_CASE("a socket's path is short enough for the kernel") {
    const Home home;
    const std::string deep(200, 'x');

    CHECK(presence_of("mount", "/" + deep)->socket.size() <= 107);
    CHECK(presence_of("mount", "/" + deep)->socket !=
          presence_of("mount", "/" + deep + "y")->socket);
}

TEST_CASE("a path is resolved except for a last part that does not exist") {
    const Home home;
    fs::create_directory(home.path + "/real");
    fs::create_symlink("real", home.path + "/link");

    CHECK(absolute_path(home.path + "/link") == home.path + "/real");
    CHECK(absolute_path(home.path + "/link/") == home.path + "/real");
    CHECK(absolute_path(home.path + "/link/../none") == home.path + "/none");
    CHECK(absolute_path(home.path + "/link/none") == home.path + "/real/none");
    CHECK(absolute_path("/") == "/");
}

TEST_CASE("a held lock shows which process serves which place") {
    const Home home;
    const std::string path = home.path + "/lock";
    CHECK(!ServiceLock::holder(path));
    CHECK(ServiceLock::last_place(path).empty());
    {
        auto lock = ServiceLock::take(path, "/mnt/odd\nname\\");
        REQUIRE(lock);

        CHECK(code_of(ServiceLock::take(path, "/other")) == EBUSY);
        const auto holder = ServiceLock::holder(path);
        REQUIRE(holder);
        CHECK(holder->pid == ::getpid());
        CHECK(holder->place == "/mnt/odd\nname\\");
        lock->complain("a first sentence, which is the longer one");
        lock->complain("3 MiB are lost");
    }
    CHECK(!ServiceLock::holder(path));
    CHECK(ServiceLock::last_place(path) == "/mnt/odd\nname\\");
    CHECK(ServiceLock::last_words(path) == "3 MiB are lost");
    REQUIRE(ServiceLock::take(path, "/mnt"));
    CHECK(ServiceLock::last_words(path).empty());
}

TEST_CASE("a lock is not waited for while its holder serves") {
    const Home home;
    const std::string path = home.path + "/lock";
    const auto lock = ServiceLock::take(path, "/mnt");
    std::string asked;

    const auto second = ServiceLock::take_in_turn(path, "/other", [&](const auto& holder) {
        asked = holder.place;
        return true;
    });

    CHECK(code_of(second) == EBUSY);
    CHECK(asked == "/mnt");
}

TEST_CASE("a lock is taken when its holder has finished") {
    const Home home;
    const std::string path = home.path + "/lock";
    std::optional<ServiceLock> first = std::move(*ServiceLock::take(path, "/mnt"));

    const auto second = ServiceLock::take_in_turn(path, "/other", [&](const auto&) {
        first.reset();
        return false;
    });

    CHECK(second);
    CHECK(ServiceLock::holder(path)->place == "/other");
}

}  // namespace flexfs::process
