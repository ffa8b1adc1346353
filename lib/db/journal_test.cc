#include "lib/db/journal.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "lib/base/durable.h"

namespace flexfs::db {
namespace {

struct Folder {
    std::string path = std::filesystem::temp_directory_path() / "flexfs-journal-XXXXXX";
    Folder() { REQUIRE(::mkdtemp(path.data())); }
    ~Folder() { std::filesystem::remove_all(path); }
    std::unique_ptr<Journal> open(std::uint64_t key = 7) const {
        return std::move(Journal::open(path + "/j", key).value());
    }
};

std::vector<std::string> texts(Journal& journal, std::uint64_t first) {
    std::vector<std::string> all;
    for (const Buffer& record : journal.read_from(first).value()) all.emplace_back(record.text());
    return all;
}

void append(Journal& journal, std::uint64_t number, std::string_view text) {
    REQUIRE(journal.append(number, as_bytes(text)));
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("records come back in order from any number on, also to the next process") {
    Folder folder;
    auto journal = folder.open();
    append(*journal, 5, "five");
    append(*journal, 6, "");
    append(*journal, 7, std::string(10000, 'x'));
    REQUIRE(journal->sync());
    journal = folder.open();
    CHECK(texts(*journal, 5) == Texts{"five", "", std::string(10000, 'x')});
    CHECK(texts(*journal, 7) == Texts{std::string(10000, 'x')});
    CHECK(texts(*journal, 8).empty());
    CHECK(texts(*journal, 4).empty());
}

TEST_CASE("a torn record ends the journal, wherever it is cut") {
    Folder folder;
    append(*folder.open(), 1, "first");
    const auto first_bytes = std::filesystem::file_size(folder.path + "/j.0");
    {
        auto journal = folder.open();
        append(*journal, 1, "first");
        append(*journal, 2, "second");
    }
    const auto bytes = std::filesystem::file_size(folder.path + "/j.0");
    for (auto cut = bytes; cut-- > first_bytes;) {
        std::filesystem::resize_file(folder.path + "/j.0", cut);
        CHECK(texts(*folder.open(), 1) == Texts{"first"});
    }
}

TEST_CASE("a changed byte, and a record of another database, are no records") {
    Folder folder;
    append(*folder.open(), 1, "first");
    CHECK(texts(*folder.open(8), 1).empty());
    std::fstream file(folder.path + "/j.0");
    file.seekp(-1, std::ios::end).put('T').flush();
    CHECK(texts(*folder.open(), 1).empty());
}

TEST_CASE("a record that is missing before others is told from the end") {
    Folder folder;
    const auto write = [&](std::uint64_t from) {
        auto journal = folder.open();
        for (std::uint64_t i = from; i < from + 3; ++i) append(*journal, i, "record");
    };
    const auto alter = [&](std::streamoff at) {
        std::fstream file(folder.path + "/j.0");
        file.seekp(at).put('!').flush();
    };
    const auto record_bytes = [&] {
        return static_cast<std::streamoff>(std::filesystem::file_size(folder.path + "/j.0") / 3);
    };
    write(1);
    CHECK_FALSE(folder.open()->goes_on_after(4).value());
    // Alters the record's number, its length (in the header's last 8 bytes), and its last byte.
    for (std::streamoff at : {0, 16, 29}) {
        CAPTURE(at);
        write(1);
        alter(record_bytes() + at);
        CHECK(texts(*folder.open(), 1) == Texts{"record"});
        CHECK(folder.open()->goes_on_after(2).value());
    }
    write(1);
    alter(0);
    CHECK(folder.open()->goes_on_after(1).value());
    write(1);
    alter(2 * record_bytes());
    CHECK_FALSE(folder.open()->goes_on_after(3).value());
    write(7);
    CHECK(folder.open()->goes_on_after(5).value());
    CHECK_FALSE(folder.open()->goes_on_after(10).value());
}

TEST_CASE("released room is used again, and what lies behind it is not mistaken for records") {
    Folder folder;
    auto journal = folder.open();
    for (std::uint64_t i = 1; i <= 100; ++i) append(*journal, i, "record");
    CHECK(journal->bytes() > 0);
    journal->release(100);
    CHECK(journal->bytes() == 0);
    append(*journal, 101, "record");
    append(*journal, 102, "record");
    CHECK(texts(*folder.open(), 101) == Texts{"record", "record"});
    CHECK(texts(*folder.open(), 3).empty());
}

TEST_CASE("the two files take turns, and together hold what is not released") {
    Folder folder;
    auto journal = folder.open();
    const std::string big(1 << 20, 'x');
    std::uint64_t number = 0;
    for (int round = 0; round < 5; ++round) {
        const std::uint64_t from = number + 1;
        for (int i = 0; i < 12; ++i) append(*journal, ++number, big);
        REQUIRE(journal->sync());
        CHECK(texts(*folder.open(), from).size() == 12);
        journal->release(number - 1);
        CHECK(texts(*folder.open(), number).size() == 1);
    }
    CHECK(std::filesystem::file_size(folder.path + "/j.0") < 40u << 20);
    CHECK(std::filesystem::file_size(folder.path + "/j.1") > 0);
    REQUIRE(journal->clear());
    CHECK(texts(*journal, number).empty());
}

TEST_CASE("a record that is too long is refused, and the journal goes on without it") {
    Folder folder;
    auto journal = folder.open();
    append(*journal, 1, "one");

    WritableBuffer huge(std::size_t{record_bytes_max} + 1);
    CHECK(code_of(journal->append(2, {huge.data(), huge.size()})) == EMSGSIZE);
    append(*journal, 2, "two");
    CHECK(texts(*folder.open(), 1) == Texts{"one", "two"});
}

TEST_CASE("a failed sync of the journal is EIO, and so is every later one") {
    struct Full final : SyncProbe {
        int code = ENOSPC;
        int sync(const std::string&) override { return code; }
    } full;
    Folder folder;
    auto journal = folder.open();
    append(*journal, 1, "one");

    install_sync_probe(&full);
    CHECK(code_of(journal->sync()) == EIO);
    full.code = 0;
    CHECK(code_of(journal->sync()) == EIO);
    install_sync_probe(nullptr);
}

}  // namespace flexfs::db
