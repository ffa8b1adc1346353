// A volume in its own folder, and the requests that most tests make. Every test ends with a check
// of the database.
#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>

#include "lib/meta/volume.h"

namespace flexfs::meta {

// Removes from a database what the fifth format added. The caller sets user_version.
inline constexpr const char* undo_fifth_format =
    "ALTER TABLE inline DROP COLUMN seq;"
    "ALTER TABLE inline_history DROP COLUMN seq;"
    "ALTER TABLE dentry DROP COLUMN slot;"
    "ALTER TABLE dentry_history DROP COLUMN slot;"
    "ALTER TABLE extent DROP COLUMN form;"
    "ALTER TABLE extent DROP COLUMN chunks;"
    "ALTER TABLE extent_history DROP COLUMN form;"
    "ALTER TABLE extent_history DROP COLUMN chunks;"
    "ALTER TABLE session DROP COLUMN secret;";

struct Fixture {
    std::string folder;
    wire::VolumeInfo info;
    std::unique_ptr<Volume> volume;
    std::uint64_t name_groups = 0;
    Time now = 1000;
    SegmentId next_segment = 1'000'000;  // for session 0, which needs no reservation

    explicit Fixture(wire::VolumeInfo wanted = {}, std::uint64_t groups = 0)
        : info(std::move(wanted)), name_groups(groups) {
        folder = std::filesystem::temp_directory_path() / "flexfs-meta-XXXXXX";
        REQUIRE(::mkdtemp(folder.data()));
        open();
    }
    ~Fixture() {
        if (volume) verify();
        volume.reset();
        std::filesystem::remove_all(folder);
    }

    void open() {
        auto opened = Volume::open({.path = folder + "/meta.db",
                                    .info = info,
                                    .now = 10,
                                    .name_key = 1,
                                    .name_groups = name_groups});
        REQUIRE_MESSAGE(opened, opened.error().message());
        volume = std::move(*opened);
    }
    void reopen() {
        volume.reset();
        open();
    }
    // Leaves the volume as a kill does: the database and its log are copied while they are in use.
    void crash() {
        volume->end_reads();
        const std::filesystem::path from = folder, to = folder + "-copy";
        std::filesystem::create_directory(to);
        for (const char* name : {"meta.db", "meta.db-wal", "meta.db-calls.0", "meta.db-calls.1"})
            std::filesystem::copy_file(from / name, to / name);
        volume.reset();
        std::filesystem::remove_all(from);
        std::filesystem::rename(to, from);
        open();
    }
    void verify() {
        auto wrong = volume->verify();
        REQUIRE_MESSAGE(wrong, wrong.error().message());
        for (const std::string& what : *wrong) FAIL_CHECK(what);
    }
    std::string dump() { return volume->dump().value(); }

    template <class M>
    Result<typename M::Reply> apply(M request) {
        return volume->apply(0, std::move(request));
    }
    Result<wire::Entry> lookup(const std::string& name, Ino parent = 1) {
        return volume->read(wire::Lookup{parent, name});
    }
    wire::Attr attr(Ino ino) { return volume->read(wire::GetAttr{ino}).value().attr; }
    bool exists(Ino ino) { return volume->read(wire::GetAttr{ino}).has_value(); }

    Ino make(Ino parent, const std::string& name, std::uint32_t mode, wire::Who who) {
        auto made = apply(
            wire::Make{.parent = parent, .name = name, .mode = mode, .now = ++now, .who = who});
        REQUIRE_MESSAGE(made, made.error().message());
        return made->attr.ino;
    }
    Ino create(Ino parent, const std::string& name, std::uint32_t mode = 0644, wire::Who who = {}) {
        return make(parent, name, S_IFREG | mode, who);
    }
    Ino mkdir(Ino parent, const std::string& name, std::uint32_t mode = 0755, wire::Who who = {}) {
        return make(parent, name, S_IFDIR | mode, who);
    }

    SessionId session() {
        return volume->apply(0, wire::OpenSession{.client = "test"}).value().session;
    }
    void end(SessionId id) {
        REQUIRE(volume->apply(id, wire::CloseSession()));
        upkeep();
    }
    // Executes one of the service's own requests.
    template <class M>
    typename M::Reply own(M request) {
        const Call call{.request = std::move(request), .now = now};
        Outcome outcome = std::move(volume->apply({&call, 1}).front());
        REQUIRE_MESSAGE(outcome.reply, outcome.reply.error().message());
        return std::get<typename M::Reply>(std::move(*outcome.reply));
    }
    // Runs Maintain in steps of `limit` until nothing is left to do.
    int upkeep(std::size_t limit = 1000) {
        int steps = 0;
        while (volume->needs_upkeep()) steps += own(Maintain{limit}).more;
        return steps;
    }

    // Condemns all garbage, as of the far future.
    std::vector<SegmentId> garbage(Time dead_since = Time(1e15), std::uint64_t limit = 100) {
        return own(CondemnGarbage{dead_since, limit}).segments;
    }

    // Writes extents of `len` bytes each at the offsets, all in one new segment.
    wire::Committed write(Ino ino, std::initializer_list<std::uint64_t> offsets,
                          std::uint32_t len) {
        wire::Commit commit{.segments = {{next_segment++, 16 << 20}}, .now = ++now};
        wire::InodeCommit& change = commit.inodes.emplace_back();
        change.ino = ino;
        change.mtime = now;
        std::uint32_t pos = 0;
        for (std::uint64_t offset : offsets) {
            change.extents.push_back({.idx = offset / info.block_bytes,
                                      .off = std::uint32_t(offset % info.block_bytes),
                                      .len = len,
                                      .segment = next_segment - 1,
                                      .pos = pos,
                                      .stored = 100,
                                      .check = ~std::uint64_t{offset}});
            pos += 100;
        }
        auto done = apply(std::move(commit));
        REQUIRE_MESSAGE(done, done.error().message());
        return *done;
    }
    wire::Committed write_inline(Ino ino, const std::string& data) {
        wire::Commit commit{.now = ++now};
        commit.inodes.push_back({.ino = ino,
                                 .size = data.size(),
                                 .mtime = now,
                                 .set_inline = true,
                                 .inline_data = Buffer::copy_of(data)});
        return apply(std::move(commit)).value();
    }
    wire::ExtentList extents(Ino ino, std::uint64_t first = 0, std::uint64_t count = UINT64_MAX,
                             std::uint32_t limit = 4096) {
        return volume->read(wire::Extents{ino, first, count, limit}).value();
    }
    void truncate(Ino ino, std::uint64_t size) {
        wire::SetAttr request{.ino = ino, .mask = wire::set_size, .now = ++now};
        request.attr.size = size;
        REQUIRE(apply(request));
    }
};

}  // namespace flexfs::meta
