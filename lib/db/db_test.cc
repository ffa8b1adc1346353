#include "lib/db/db.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <thread>

#include "lib/base/durable.h"
#include "lib/db/journal.h"
#include "lib/db/reserve.h"

namespace flexfs::db {
namespace {

struct Folder {
    std::string path;
    Folder() {
        path = std::filesystem::temp_directory_path() / "flexfs-db-XXXXXX";
        REQUIRE(::mkdtemp(path.data()));
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string file() const { return path + "/test.db"; }
    std::unique_ptr<Db> open(bool create = true) const {
        auto db = Db::open({.path = file(), .create = create});
        REQUIRE(db);
        return std::move(*db);
    }
};

constexpr const char* one_table[] = {
    "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, data BLOB)"};

// Records which paths are synced, and fails the sync of those that end with `fails`.
struct Probe final : SyncProbe {
    std::vector<std::string> synced;
    std::string fails;
    int code = 0;

    Probe() { install_sync_probe(this); }
    ~Probe() override { install_sync_probe(nullptr); }
    int sync(const std::string& path) override {
        synced.push_back(path);
        return path.ends_with(fails) ? code : 0;
    }
    bool saw(const std::string& path) const {
        return std::ranges::find(synced, path) != synced.end();
    }
};

std::int64_t rows(Db& db) {
    return db.number("SELECT count(*) FROM t").value();
}

}  // namespace

TEST_CASE("bound integers, texts with odd bytes and blobs are read back") {
    Folder folder;
    auto db = folder.open();
    REQUIRE(db->migrate(one_table));
    auto insert = db->prepare("INSERT INTO t VALUES(?,?,?)").value();
    auto select = db->prepare("SELECT name, data, id FROM t WHERE id=?").value();
    const std::string name("a\xff\0b", 4);
    REQUIRE(insert.run(std::uint64_t(1) << 40, std::string_view(name), as_bytes(name)));
    REQUIRE(insert.run(2, std::string_view(), ByteView()));

    {
        Query query(select, std::uint64_t(1) << 40);
        REQUIRE(query.next().value());
        CHECK(query.text(0) == name);
        CHECK(as_text(query.blob(1)) == name);
        CHECK(query.number(2) == std::uint64_t(1) << 40);
        CHECK(!query.next().value());
    }
    Query empty(select, 2);
    REQUIRE(empty.next().value());
    CHECK(!empty.null(0));
    CHECK(empty.text(0).empty());
}

TEST_CASE("a second row under one key is EEXIST and no fault") {
    Folder folder;
    auto db = folder.open();
    REQUIRE(db->migrate(one_table));
    auto insert = db->prepare("INSERT INTO t(id) VALUES(?)").value();
    REQUIRE(insert.run(1));
    const auto faults = db->faults();

    CHECK(code_of(insert.run(1)) == EEXIST);
    CHECK(db->faults() == faults);
    CHECK(insert.run(2));
}

TEST_CASE(
    "a rolled back transaction leaves nothing and a committed one outlives the process's handle") {
    Folder folder;
    {
        auto db = folder.open();
        REQUIRE(db->migrate(one_table));
        REQUIRE(db->begin());
        REQUIRE(db->execute("INSERT INTO t(id) VALUES(1)"));
        db->rollback();
        CHECK(rows(*db) == 0);
        REQUIRE(db->begin());
        REQUIRE(db->execute("INSERT INTO t(id) VALUES(1)"));
        REQUIRE(db->commit());
    }
    CHECK(!std::filesystem::exists(folder.file() + "-wal"));
    CHECK(rows(*folder.open(false)) == 1);
}

TEST_CASE("a newer format is refused by a sentence that names both") {
    Folder folder;
    REQUIRE(folder.open()->execute("PRAGMA user_version=7"));

    auto migrated = folder.open()->migrate(one_table);
    REQUIRE(!migrated);
    CHECK(migrated.error().code == EPROTO);
    CHECK(migrated.error().context.find("format 7") != std::string::npos);
    CHECK(migrated.error().context.find("up to 1") != std::string::npos);
}

TEST_CASE("a migration that fails leaves the format it found") {
    Folder folder;
    auto db = folder.open();
    constexpr const char* steps[] = {one_table[0],
                                     "INSERT INTO t(id) VALUES(1); INSERT INTO nowhere VALUES(1)"};
    REQUIRE(!db->migrate(steps));

    CHECK(db->number("PRAGMA user_version") == 1);
    CHECK(rows(*db) == 0);
}

TEST_CASE("a missing, a foreign and a damaged file are told apart") {
    Folder folder;
    CHECK(code_of(Db::open({.path = folder.file()})) == ENOENT);
    CHECK(code_of(Db::open({.path = folder.path + "/no/such", .create = true})) == ENOENT);

    std::ofstream(folder.file()) << std::string(5000, 'x');
    auto foreign = Db::open({.path = folder.file()});
    REQUIRE(!foreign);
    CHECK(foreign.error().code == EIO);
    CHECK(foreign.error().context.find("restore it from a backup") != std::string::npos);
}

TEST_CASE("the nth writing statement fails on request and a commit is one of them") {
    Folder folder;
    auto db = folder.open();
    REQUIRE(db->migrate(one_table));
    auto insert = db->prepare("INSERT INTO t(id) VALUES(?)").value();

    db->fail_statement(2, ENOSPC, 1);
    REQUIRE(db->begin());
    REQUIRE(insert.run(1));
    CHECK(code_of(db->commit()) == ENOSPC);
    CHECK(!db->in_transaction());
    CHECK(rows(*db) == 0);
    CHECK(insert.run(1));
}

TEST_CASE("a database that may not grow is ENOSPC, and works again when it may") {
    Folder folder;
    auto db = folder.open();
    REQUIRE(db->migrate(one_table));
    auto insert = db->prepare("INSERT INTO t(data) VALUES(?)").value();
    REQUIRE(db->execute("PRAGMA max_page_count=4"));
    const std::string big(1 << 20, 'x');

    REQUIRE(db->begin());
    CHECK(code_of(insert.run(as_bytes(big))) == ENOSPC);
    db->rollback();
    REQUIRE(db->execute("PRAGMA max_page_count=100000"));
    CHECK(insert.run(as_bytes(big)));
}

TEST_CASE("a checkpoint in another thread copies the log while the owner goes on") {
    Folder folder;
    auto db = folder.open();
    REQUIRE(db->migrate(one_table));
    auto insert = db->prepare("INSERT INTO t(data) VALUES(?)").value();
    const std::string data(1000, 'x');
    std::thread other([&] {
        for (int i = 0; i < 20; ++i) {
            CHECK(db->sync());
            CHECK(db->checkpoint());
        }
    });
    for (int i = 0; i < 2000; ++i) REQUIRE(insert.run(as_bytes(data)));
    other.join();

    auto state = db->checkpoint();
    REQUIRE(state);
    CHECK(state->uncopied == 0);
    const auto log_file_bytes = std::filesystem::file_size(folder.file() + "-wal");
    REQUIRE(db->restart_log());
    CHECK(db->log_bytes() == 0);
    REQUIRE(insert.run(as_bytes(data)));
    CHECK(std::filesystem::file_size(folder.file() + "-wal") == log_file_bytes);
    CHECK(rows(*db) == 2001);
}

TEST_CASE("a reserve is spent once, and got back when there is room") {
    Folder folder;
    const std::string path = folder.path + "/reserve";
    Reserve reserve;
    REQUIRE(reserve.open(path, 1 << 20));
    CHECK(std::filesystem::file_size(path) == 1 << 20);
    CHECK(reserve.spend());
    CHECK(std::filesystem::file_size(path) == 0);
    CHECK(!reserve.spend());
    CHECK(reserve.hold(reserve.bytes()));
    CHECK(reserve.spend());

    Reserve none;
    REQUIRE(none.open(path, 0));
    CHECK(none.hold(1 << 20));
    CHECK(!none.spend());
}

TEST_CASE("a database's folder and the folder above it are synced when it is made") {
    Folder folder;
    Probe probe;

    auto db = folder.open();
    CHECK(probe.saw(folder.path));
    CHECK(probe.saw(std::filesystem::path(folder.path).parent_path()));
    probe.synced.clear();
    REQUIRE(Journal::open(folder.path + "/j", 1));
    CHECK(probe.saw(folder.path));
}

TEST_CASE("a failed sync of the log is EIO, and so is every later one") {
    for (const int code : {ENOSPC, EDQUOT, EIO}) {
        Folder folder;
        auto db = folder.open();
        REQUIRE(db->migrate(one_table));
        Probe probe;
        probe.fails = "-wal";
        probe.code = code;
        CHECK(code_of(db->sync()) == EIO);
        probe.code = 0;

        CHECK(code_of(db->sync()) == EIO);
        CHECK(code_of(db->checkpoint()) == EIO);
        CHECK(code_of(db->restart_log()) == EIO);
        // The log stays, and recovery decides what to use of it.
        db.reset();
        CHECK(std::filesystem::file_size(folder.file() + "-wal") > 0);
        CHECK(rows(*folder.open()) == 0);
    }
}

TEST_CASE("a reader sees one moment until its transaction ends, and cannot write") {
    Folder folder;
    auto db = folder.open();
    REQUIRE(db->migrate(one_table));
    REQUIRE(db->execute("INSERT INTO t(name) VALUES('a')"));
    auto reader = std::move(Db::open_reader(*db, 1 << 20).value());
    REQUIRE(reader->begin());
    CHECK(rows(*reader) == 1);

    REQUIRE(db->execute("INSERT INTO t(name) VALUES('b')"));
    CHECK(rows(*reader) == 1);
    reader->rollback();
    CHECK(rows(*reader) == 2);
    CHECK(code_of(reader->execute("INSERT INTO t(name) VALUES('c')")) == EROFS);
}

TEST_CASE("a log that is cut from another thread is empty, and the database goes on") {
    Folder folder;
    auto db = folder.open();
    REQUIRE(db->migrate(one_table));
    for (int i = 0; i < 100; ++i) REQUIRE(db->execute("INSERT INTO t(name) VALUES('a')"));

    Result<LogState> cut;
    std::thread([&] { cut = db->cut_log(); }).join();
    REQUIRE(cut);
    db->log_was_cut();
    CHECK(db->log_bytes() == 0);
    CHECK(db->log_file_bytes() == 0);
    REQUIRE(db->execute("INSERT INTO t(name) VALUES('b')"));
    CHECK(db->log_bytes() > 0);
    CHECK(rows(*db) == 101);
}

TEST_CASE("a log that somebody reads is copied but not cut") {
    Folder folder;
    auto db = folder.open();
    REQUIRE(db->migrate(one_table));
    auto reader = std::move(Db::open_reader(*db, 1 << 20).value());
    REQUIRE(reader->begin());
    CHECK(rows(*reader) == 0);
    REQUIRE(db->execute("INSERT INTO t(name) VALUES('a')"));

    CHECK(code_of(db->cut_log()) == EBUSY);
    CHECK(db->log_file_bytes() > 0);
    reader->rollback();
    CHECK(db->cut_log());
    CHECK(rows(*db) == 1);
}

}  // namespace flexfs::db
