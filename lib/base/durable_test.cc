#include "lib/base/durable.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "lib/base/descriptor.h"
#include "lib/base/lock_file.h"

namespace flexfs {
namespace {

namespace fs = std::filesystem;

struct Scratch {
    std::string path = fs::temp_directory_path() / "flexfs-base-XXXXXX";
    Scratch() { REQUIRE(::mkdtemp(path.data())); }
    ~Scratch() { fs::remove_all(path); }
};

struct Probe final : SyncProbe {
    std::vector<std::string> synced;
    int code = 0;

    Probe() { install_sync_probe(this); }
    ~Probe() override { install_sync_probe(nullptr); }
    int sync(const std::string& path) override {
        synced.push_back(path);
        return code;
    }
};

}  // namespace

TEST_CASE("a failed sync is EIO, whatever the disk says") {
    Scratch scratch;
    Probe probe;
    const Descriptor file(::open((scratch.path + "/f").c_str(), O_RDWR | O_CREAT, 0600));

    for (const int code : {ENOSPC, EDQUOT, EIO}) {
        probe.code = code;
        CHECK(code_of(sync_data(file.get(), "f")) == EIO);
        CHECK(code_of(sync_file(file.get(), "f")) == EIO);
        CHECK(code_of(sync_folder(scratch.path)) == EIO);
    }
    CHECK(code_of(sync_folder(scratch.path + "/none")) == ENOENT);
}

TEST_CASE("a new folder is synced in the folder above it, also when it is there already") {
    Scratch scratch;
    Probe probe;
    const std::string inner = scratch.path + "/inner";

    REQUIRE(make_durable_folder(inner));
    REQUIRE(make_durable_folder(inner + "/"));
    CHECK(probe.synced == std::vector<std::string>{scratch.path, scratch.path});
    CHECK(fs::is_directory(inner));
    CHECK(code_of(make_durable_folder(scratch.path + "/no/such")) == ENOENT);
}

TEST_CASE("the name of a new file is on disk with the name of its folder") {
    Scratch scratch;
    Probe probe;

    REQUIRE(sync_name_of(scratch.path + "/file"));
    CHECK(probe.synced ==
          std::vector<std::string>{scratch.path, fs::path(scratch.path).parent_path()});
}

TEST_CASE("a lock file is held by one at a time, who can be told from its text") {
    Scratch scratch;
    const std::string path = scratch.path + "/lock";
    CHECK_FALSE(LockFile::holder(path));
    auto lock = LockFile::take(path, "first\n");
    REQUIRE(lock);

    CHECK(code_of(LockFile::take(path)) == EBUSY);
    CHECK(LockFile::holder(path)->pid == ::getpid());
    CHECK(LockFile::holder(path)->text == "first\n");
    REQUIRE(lock->write("2"));
    CHECK(LockFile::holder(path)->text == "2");
    *lock = LockFile();
    CHECK_FALSE(LockFile::holder(path));
    CHECK(LockFile::take(path));
}

}  // namespace flexfs
