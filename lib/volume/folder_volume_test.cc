#include "lib/volume/folder_volume.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include "lib/base/durable.h"
#include "lib/base/format.h"

namespace flexfs::volume {
namespace {

namespace fs = std::filesystem;

struct Scratch {
    fs::path path;
    Loop loop;
    Scratch() {
        char name[] = "/tmp/flexfs-volume-XXXXXX";
        path = fs::canonical(::mkdtemp(name));
    }
    ~Scratch() { fs::remove_all(path); }

    OpenOptions options(const std::string& folder = "data") const {
        return {.address = path / folder, .mount_point = path / "mnt"};
    }
    // Opens the volume for one client, which may make a file, and closes both.
    Task<wire::VolumeInfo> once(OpenOptions wanted, bool makes_file) {
        auto opened = co_await open(loop, std::move(wanted));
        cache::Budget budget(64 << 20, 16 << 20);
        const auto connect = [&opened](rpc::Client<wire::Metadata>& client) {
            return opened->connect(client);
        };
        auto client =
            co_await vfs::Filesystem::open(loop, connect, opened->store(), budget, {}, nullptr);
        const wire::VolumeInfo info = client->volume();
        if (makes_file) co_await client->make(wire::root_ino, "f", S_IFREG | 0644, 0, {}, {});
        co_await client->close();
        client.reset();
        co_await opened->close();
        co_return info;
    }
    Result<wire::VolumeInfo> run(OpenOptions wanted, bool makes_file = false) {
        return loop.run(once(std::move(wanted), makes_file));
    }
};

// Records which paths are synced, and on which threads.
struct Synced final : SyncProbe {
    std::mutex mutex;
    std::set<std::string> paths;
    std::set<std::thread::id> threads;
    Synced() { install_sync_probe(this); }
    ~Synced() override { install_sync_probe(nullptr); }
    int sync(const std::string& path) override {
        const std::lock_guard lock(mutex);
        paths.insert(fs::path(path).lexically_normal().string());
        threads.insert(std::this_thread::get_id());
        return 0;
    }
};

}  // namespace

TEST_CASE("the loop never waits for the disk while a volume is made, opened or closed") {
    Scratch scratch;
    Synced synced;
    REQUIRE(scratch.run(scratch.options()));
    REQUIRE(scratch.run(scratch.options()));
    CHECK(synced.paths.size() > 5);
    CHECK_FALSE(synced.threads.contains(std::this_thread::get_id()));
}

TEST_CASE("a folder whose database would be that of another volume stays without a volume") {
    Scratch scratch;
    const auto with = [&](const std::string& folder, const std::string& database) {
        OpenOptions options = scratch.options(folder);
        options.db_folder = scratch.path / database;
        return options;
    };
    fs::create_directory(scratch.path / "db");
    REQUIRE(scratch.run(with("first", "db"), true));

    const auto refused = scratch.run(with("second", "db"));
    REQUIRE(code_of(refused) == EEXIST);
    CHECK(refused.error().context.find("holds the database of another volume") !=
          std::string::npos);
    CHECK_FALSE(fs::exists(scratch.path / "second" / "volume.yaml"));
    fs::create_directory(scratch.path / "db2");
    CHECK(scratch.run(with("second", "db2")));
}

TEST_CASE("a volume is made in a folder once and opened from then on") {
    Scratch scratch;
    OpenOptions wanted = scratch.options();
    wanted.fresh.block_bytes = 1 << 20;

    const auto made = scratch.run(wanted);
    REQUIRE(made);
    CHECK(made->name == "data");
    CHECK(made->block_bytes == 1 << 20);
    const auto again = scratch.run(scratch.options());
    REQUIRE(again);
    CHECK(again->id == made->id);
    CHECK(again->block_bytes == 1 << 20);
}

TEST_CASE("creating a volume syncs every new folder and the folder above the volume") {
    Scratch scratch;
    OpenOptions wanted = scratch.options();
    wanted.db_folder = scratch.path / "db";
    const Synced synced;

    REQUIRE(scratch.run(wanted));
    for (const fs::path& folder : {scratch.path, scratch.path / "data", scratch.path / "db"})
        CHECK_MESSAGE(synced.paths.contains(folder), folder);
}

TEST_CASE("a volume in use names the process and the mount that have it") {
    Scratch scratch;
    REQUIRE(scratch.run(scratch.options()));
    // Something is mounted on /proc, so the lock's holder appears to be serving.
    const auto held = process::ServiceLock::take(scratch.path / "data/lock", "/proc");
    REQUIRE(held);

    const auto opened = scratch.run(scratch.options());
    REQUIRE(!opened);
    CHECK(opened.error().code == EBUSY);
    CHECK(opened.error().message() == fmt::format("{} is in use by the mount on /proc (process {})",
                                                  (scratch.path / "data").string(), ::getpid()));
}

TEST_CASE("check() refuses what open() would, and leaves no trace") {
    Scratch scratch;
    fs::create_directory(scratch.path / "full");
    std::ofstream(scratch.path / "full/holiday.jpg") << "x";
    OpenOptions inside = scratch.options();
    inside.mount_point = scratch.path / "data/mnt";
    OpenOptions read_only = scratch.options();
    read_only.read_only = true;
    OpenOptions memory = scratch.options();
    memory.address = "memory:";

    CHECK(check(scratch.options()));
    CHECK(code_of(check(scratch.options("full"))) == ENOTEMPTY);
    CHECK(code_of(check(scratch.options("none/data"))) == ENOENT);
    CHECK(check(scratch.options("none/data"), When::later));
    CHECK(code_of(check(inside)) == EINVAL);
    CHECK(code_of(check(read_only)) == ENOENT);
    CHECK(code_of(check(memory)) == EINVAL);
    CHECK(!fs::exists(scratch.path / "data"));
    CHECK(std::distance(fs::directory_iterator(scratch.path), {}) == 1);
}

TEST_CASE("a volume whose database is gone is refused, and not made anew") {
    Scratch scratch;
    REQUIRE(scratch.run(scratch.options()));
    fs::remove_all(scratch.path / "data/meta");

    const auto opened = scratch.run(scratch.options());
    REQUIRE(!opened);
    CHECK(opened.error().message().find("the database of the volume in") == 0);
    CHECK(!fs::exists(scratch.path / "data/meta/volume.db"));
}

TEST_CASE("a database folder without the volume's database is refused, with the right one") {
    Scratch scratch;
    REQUIRE(scratch.run(scratch.options()));
    OpenOptions elsewhere = scratch.options();
    elsewhere.db_folder = scratch.path / "db";
    const std::string data = scratch.path / "data";
    const std::string refusal = fmt::format(
        "--dbFolder {} holds no database, but {} holds a volume; ", elsewhere.db_folder, data);

    CHECK(scratch.run(elsewhere).error().message() ==
          refusal + fmt::format("its database is in {}/meta, so leave out --dbFolder", data));
    fs::remove_all(data + "/meta");
    CHECK(scratch.run(elsewhere).error().message() ==
          refusal + "give the folder with which it was created");
    CHECK(!fs::exists(elsewhere.db_folder));
}

TEST_CASE("a volume is taken over only by whoever finds the same one") {
    Scratch scratch;
    auto served = scratch.run(scratch.options());
    REQUIRE(served);

    CHECK(check_takeover(scratch.options(), *served));
    wire::VolumeInfo other = *served;
    other.id = "01234567-89ab-4cde-8f01-23456789abcd";
    CHECK(code_of(check_takeover(scratch.options(), other)) == EINVAL);
    OpenOptions elsewhere = scratch.options();
    elsewhere.db_folder = "/none/such";
    CHECK(code_of(check_takeover(elsewhere, *served)) == ENOENT);
}

TEST_CASE("only a volume in a folder has a lock to look at") {
    CHECK(lock_path("/data/") == "/data/lock");
    CHECK(lock_path("file:///data?latency=1s") == "/data/lock");
    CHECK(lock_path("memory:").empty());
    CHECK(lock_path("nonsense:x").empty());
    CHECK(data_folder("file:///d%20x") == "/d x");
}

}  // namespace flexfs::volume
