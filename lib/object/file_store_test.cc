#include "lib/object/file_store.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <random>
#include <set>

#include "lib/base/durable.h"
#include "lib/base/scratch_test.h"
#include "lib/object/folder.h"
#include "lib/task/scope.h"

namespace flexfs::object {
namespace {

namespace fs = std::filesystem;

void write_text(const fs::path& path, const std::string& text) {
    std::ofstream(path) << text;
}

std::string read_text(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t entries_in(const fs::path& folder) {
    return std::size_t(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

Buffer random_bytes(std::size_t size, std::uint64_t seed) {
    std::mt19937_64 dice(seed);
    WritableBuffer bytes(size);
    for (std::byte& b : bytes.bytes()) b = std::byte(dice());
    return std::move(bytes).freeze();
}

}  // namespace

TEST_CASE("an object is the file of its name, with exactly the bytes of its pieces") {
    TestFolder folder;
    const auto store = Folder::open(folder.path());
    REQUIRE(store);
    std::vector<Buffer> pieces;
    std::string expected;
    for (int i = 0; i < 3000;
         ++i) {  // more than one writev can take, with sizes that do not fill pages
        pieces.push_back(random_bytes(std::size_t(i % 7 == 0 ? 5000 : 1 + i % 50), 1 + i));
        expected += pieces.back().text();
    }

    REQUIRE((*store)->put("vol/ab/x", pieces));
    CHECK(read_text(fs::path(folder.path()) / "vol/ab/x") == expected);
    CHECK(entries_in(fs::path(folder.path()) / ".put") == 0);
}

// Large objects are written around the page cache, in aligned pieces.
TEST_CASE("a large object has exactly the bytes of its pieces, whatever their sizes") {
    TestFolder folder;
    const auto store = Folder::open(folder.path());
    REQUIRE(store);
    constexpr std::size_t mib = 1 << 20, page = 4096;
    for (const std::size_t size : {mib - 1, mib, mib + 1, 2 * mib - page, 2 * mib - page + 1,
                                   2 * mib, 3 * mib + page, 3 * mib + page - 1}) {
        for (const std::size_t piece : {size, page, page + 1, mib / 3, mib + 5}) {
            CAPTURE(size);
            CAPTURE(piece);
            const Buffer whole = random_bytes(size, size + piece);
            std::vector<Buffer> pieces;
            for (std::size_t at = 0; at < size; at += piece)
                pieces.push_back(whole.slice(at, std::min(piece, size - at)));
            REQUIRE((*store)->put("vol/ab/x", pieces));
            CHECK(read_text(fs::path(folder.path()) / "vol/ab/x") == whole.text());
        }
    }
}

TEST_CASE("an object that stays open is gone when its file is, and new when its file is") {
    TestFolder folder;
    const auto store = Folder::open(folder.path());
    REQUIRE(store);
    const fs::path file = fs::path(folder.path()) / "a";
    REQUIRE((*store)->put("a", {Buffer::copy_of("first")}));
    CHECK((*store)->get("a")->text() == "first");
    CHECK(Folder::get_ranges_at_once((*store)->find("a"), {{0, 5}}));  // its page was just written
    CHECK_FALSE(Folder::get_ranges_at_once((*store)->find("a"), {{1, 5}}));

    fs::remove(file);
    CHECK_FALSE(Folder::get_ranges_at_once((*store)->find("a"), {{0, 5}}));
    CHECK(code_of((*store)->get("a")) == ENOENT);
    write_text(fs::path(folder.path()) / "other", "second");
    fs::rename(fs::path(folder.path()) / "other", file);
    CHECK((*store)->get("a")->text() == "second");
    fs::resize_file(file, 3);
    CHECK((*store)->get("a")->text() == "sec");
    CHECK(code_of((*store)->get("a", 0, 4)) == ERANGE);
    CHECK((*store)->remove({"a"}));
    CHECK(code_of((*store)->get("a")) == ENOENT);
}

TEST_CASE("reading many objects keeps a bounded number of files open") {
    TestFolder folder;
    const auto store = Folder::open(folder.path());
    REQUIRE(store);
    const auto before = entries_in("/proc/self/fd");
    for (int round = 0; round < 2; ++round)
        for (int i = 0; i < 200; ++i) {
            const std::string key = "o" + std::to_string(i);
            if (round == 0) REQUIRE((*store)->put(key, {Buffer::copy_of(key)}));
            CHECK((*store)->get(key)->text() == key);
        }
    CHECK(entries_in("/proc/self/fd") - before <= 64);
    for (int i = 0; i < 200; ++i) CHECK((*store)->remove({"o" + std::to_string(i)}));
    CHECK(entries_in("/proc/self/fd") == before);
}

TEST_CASE("the folders of a store, and the folder above them, are synced, whoever made them") {
    struct Probe final : SyncProbe {
        std::set<std::string> synced;
        Probe() { install_sync_probe(this); }
        ~Probe() override { install_sync_probe(nullptr); }
        int sync(const std::string& path) override {
            synced.insert(path);
            return 0;
        }
    } probe;
    TestFolder folder;
    const auto store = Folder::open(folder.path());
    REQUIRE(store);
    CHECK(probe.synced.contains(fs::path(folder.path()).parent_path()));
    CHECK(probe.synced.contains(folder.path()));

    probe.synced.clear();
    REQUIRE((*store)->put("vol/ab/x", {}));
    CHECK(probe.synced ==
          std::set<std::string>{folder.path(), folder.path() + "/vol", folder.path() + "/vol/ab"});
}

TEST_CASE("a large object is written whole, whatever its pieces and its last page are") {
    TestFolder folder;
    const auto store = Folder::open(folder.path());
    REQUIRE(store);
    const std::size_t page = 4096, chunk = 2 << 20;
    for (const std::size_t size : {chunk / 2, chunk / 2 + 1, chunk - 1, chunk, chunk + page,
                                   2 * chunk + page - 1, 3 * chunk + 5 * page + 17}) {
        CAPTURE(size);
        const Buffer all = random_bytes(size, size);
        std::vector<Buffer> pieces;
        for (std::size_t at = 0, part = 1; at < size; at += part, part = part * 3 + 1)
            pieces.push_back(all.slice(at, std::min(part, size - at)));
        const std::string key = "large" + std::to_string(size);

        REQUIRE((*store)->put(key, pieces));
        CHECK((*store)->get(key).value() == all);
    }
}

TEST_CASE("files of a killed process are removed, those that another process writes stay") {
    TestFolder folder;
    REQUIRE(Folder::open(folder.path()));
    const fs::path put = fs::path(folder.path()) / ".put";
    write_text(put / "dead-1", "half a segm");
    write_text(put / "alive-1", "half a segm");
    const Descriptor writer(::open((put / "alive-1").c_str(), O_WRONLY));
    REQUIRE(::flock(writer.get(), LOCK_EX) == 0);

    REQUIRE(Folder::open(folder.path()));
    CHECK(!fs::exists(put / "dead-1"));
    CHECK(fs::exists(put / "alive-1"));
}

TEST_CASE("a put that does not fit is ENOSPC or EFBIG and leaves nothing behind") {
    TestFolder folder;
    const auto store = Folder::open(folder.path());
    REQUIRE(store);
    const std::vector<Buffer> pieces(3, random_bytes(1 << 20, 1));
    rlimit before;
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const rlimit small{1 << 20, before.rlim_max};
    const auto old = ::signal(SIGXFSZ, SIG_IGN);

    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    const auto put = (*store)->put("v/1", pieces);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    ::signal(SIGXFSZ, old);

    CHECK(code_of(put) == EFBIG);
    CHECK(entries_in(fs::path(folder.path()) / ".put") == 0);
    CHECK(code_of((*store)->get("v/1")) == ENOENT);
    CHECK((*store)->put("v/1", pieces));
}

TEST_CASE("a folder that somebody removed is made again") {
    TestFolder folder;
    const auto store = Folder::open(folder.path());
    REQUIRE((*store)->put("v/ab/1", {}));
    fs::remove_all(fs::path(folder.path()) / "v");

    CHECK(code_of((*store)->put("v/ab/2", {})) == EIO);
    CHECK((*store)->put("v/ab/2", {}));
}

TEST_CASE("only plain files are objects") {
    TestFolder folder;
    const auto store = Folder::open(folder.path());
    const fs::path root(folder.path());
    REQUIRE(::mkfifo((root / "pipe").c_str(), 0600) == 0);
    fs::create_symlink("/etc", root / "link");
    fs::create_directory(root / "folder");

    CHECK(code_of((*store)->get("pipe")) == ENOENT);
    CHECK(code_of((*store)->get("folder")) == ENOENT);
    CHECK((*store)->list("", "", 10)->objects.empty());
}

TEST_CASE("opening says what is wrong with the folder") {
    TestFolder folder;
    const std::string file = folder.path() + "/file";
    write_text(file, "");

    const auto plain = Folder::open(file);
    REQUIRE(!plain);
    CHECK(plain.error().code == ENOTDIR);
    CHECK(plain.error().message().find(file) != std::string::npos);
    CHECK(code_of(Folder::open(folder.path() + "/a/b")) == ENOENT);
    CHECK(Folder::open(folder.path() + "/made"));
}

TEST_CASE("puts and gets under way together do not disturb each other") {
    TestFolder folder;
    Loop loop;
    auto store = FileStore::open(loop, folder.path());
    REQUIRE(store);
    auto round = [](Store& on, int n) -> Task<void> {
        const Buffer data = random_bytes(100'000 + std::size_t(n), std::uint64_t(n));
        const std::string key = "v/" + std::to_string(n % 3) + "/" + std::to_string(n);
        co_await on.put(key, {data.slice(0, 50'000), data.slice(50'000)});
        if (!(co_await on.get(key) == data)) co_await fail(EIO, "other bytes came back");
    };
    std::vector<Task<void>> tasks;
    for (int n = 0; n < 20; ++n) tasks.push_back(round(**store, n));

    CHECK(loop.run(task::all(std::move(tasks))));
}

}  // namespace flexfs::object
