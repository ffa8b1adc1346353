#include "lib/volume/bucket_volume.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "lib/base/scratch_test.h"
#include "lib/base/text.h"
#include "lib/vfs/vfs.h"

namespace flexfs::volume {
namespace {

namespace fs = std::filesystem;

// A folder stands for the bucket. Two machines have a folder each.
struct World {
    TestFolder scratch;
    Loop loop;

    fs::path bucket() const { return fs::path(scratch.path()) / "bucket"; }
    BucketPlace place(const std::string& machine) {
        return {.name = "s3://bucket/data",
                .folder = scratch.path() + "/" + machine,
                .open =
                    [this](object::Permit permit) {
                        object::Address address{.folder = bucket()};
                        return object::open_store(loop, address, {.permit = std::move(permit)});
                    },
                .terms = {.settle = std::chrono::milliseconds(10)}};
    }
    // Opens the volume for one client, which may make a file, and closes both.
    Task<wire::VolumeInfo> once(std::string machine, OpenOptions options, bool makes_file) {
        auto opened = co_await open_in_bucket(loop, place(machine), std::move(options));
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
    Result<wire::VolumeInfo> run(const std::string& machine, OpenOptions options = {},
                                 bool makes_file = false) {
        return loop.run(once(machine, std::move(options), makes_file));
    }
};

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a new volume is described by an object, and opens again") {
    World w;
    const auto made = w.run("a", {.mount_point = "/mnt"}, true);
    REQUIRE(made);
    CHECK(made->name == "data");
    CHECK(fs::exists(w.bucket() / "volume.yaml"));
    CHECK(fs::exists(w.bucket() / "claim"));

    const auto again = w.run("a", {.mount_point = "/mnt"});
    REQUIRE(again);
    CHECK(again->id == made->id);
}

TEST_CASE("a machine without the database is told where it is") {
    World w;
    REQUIRE(w.run("a"));

    const auto other = w.run("b");
    REQUIRE(code_of(other) == ENOENT);
    CHECK(has(other.error().message(), "--dbFolder"));
    CHECK(has(other.error().message(), "last used by the host"));
    CHECK(w.run("a"));
}

TEST_CASE("a copied database goes on, and then the original is the older one") {
    World w;
    REQUIRE(w.run("a", {}, true));
    fs::copy(w.scratch.path() + "/a", w.scratch.path() + "/b", fs::copy_options::recursive);
    REQUIRE(w.run("b"));

    const auto original = w.run("a");
    CHECK(code_of(original) == ESTALE);
    CHECK(has(original.error().message(), "older"));
}

TEST_CASE("a prefix with other objects is not made a volume") {
    World w;
    fs::create_directories(w.bucket() / "photos");
    std::ofstream(w.bucket() / "photos" / "1.jpg") << "x";

    const auto refused = w.run("a");
    CHECK(code_of(refused) == ENOTEMPTY);
    CHECK(has(refused.error().message(), "photos/1.jpg"));
    CHECK(!fs::exists(w.bucket() / "volume.yaml"));
}

TEST_CASE("a read-only mount creates no volume") {
    World w;
    CHECK(code_of(w.run("a", {.read_only = true})) == ENOENT);
    CHECK(!fs::exists(w.bucket() / "volume.yaml"));
}

TEST_CASE("a database of another volume is refused") {
    World w;
    REQUIRE(w.run("a", {}, true));
    fs::rename(w.bucket(), w.scratch.path() + "/elsewhere");
    const auto refused = w.run("a");
    CHECK(code_of(refused) == EEXIST);
    CHECK(has(refused.error().message(), "--dbFolder"));
}

TEST_CASE("a damaged description or claim is named") {
    World w;
    REQUIRE(w.run("a"));
    std::ofstream(w.bucket() / "claim", std::ios::trunc) << "hello: 1\n";
    auto refused = w.run("a");
    CHECK(code_of(refused) == EINVAL);
    CHECK(has(refused.error().message(), "/claim"));

    std::ofstream(w.bucket() / "volume.yaml", std::ios::trunc) << "{";
    refused = w.run("a");
    CHECK(code_of(refused) == EINVAL);
    CHECK(has(refused.error().message(), "s3://bucket/data/volume.yaml"));
}

TEST_CASE("properties that differ from the volume's are refused") {
    World w;
    REQUIRE(w.run("a"));
    OpenOptions options;
    options.fresh.block_bytes = 1 << 20;
    CHECK(code_of(w.run("a", options)) == EINVAL);
}

}  // namespace flexfs::volume
