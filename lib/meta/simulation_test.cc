// Random operations on a volume and on a model of it, with failing statements, crashes and restarts
// in between. FLEXFS_SEED repeats a run, FLEXFS_STEPS makes it longer.
#include <doctest/doctest.h>

#include <cstdlib>
#include <random>

#include "lib/base/format.h"
#include "lib/meta/fixture_test.h"
#include "lib/meta/model_test.h"

namespace flexfs::meta {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

class Simulation {
public:
    explicit Simulation(std::uint64_t seed)
        : random_(seed), f_({.id = "sim", .block_bytes = 256 << 10}) {
        for (int i = 0; i < 3; ++i) sessions_.push_back(f_.session());
    }

    void run(std::uint64_t steps) {
        for (std::uint64_t step = 0; step < steps; ++step) {
            CAPTURE(step);
            if (chance(100)) restart();
            if (chance(20)) f_.own(Maintain{1 + below(50)});
            if (chance(50)) take_garbage();
            if (chance(20)) settle();
            if (chance(200)) change_session();
            batch();
            if (chance(100)) compare();
        }
        compare();
    }

private:
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    bool chance(std::uint64_t one_in) { return below(one_in) == 0; }
    std::string name() { return std::string(1, char('a' + below(8))); }
    SessionId session() { return sessions_[below(sessions_.size())]; }

    // Returns mostly an inode that exists, sometimes one that never will or no longer does.
    Ino any() {
        if (chance(50)) return model_.next + below(5);
        if (chance(50)) return 1 + below(model_.next);
        auto it = model_.inodes.begin();
        std::advance(it, long(below(model_.inodes.size())));
        return it->first;
    }
    Ino folder() {
        for (int tries = 0; tries < 20; ++tries) {
            const Ino ino = any();
            const auto it = model_.inodes.find(ino);
            if (it != model_.inodes.end() && it->second.folder()) return ino;
        }
        return any();
    }

    wire::Make random_make() {
        static constexpr std::uint32_t kinds[] = {S_IFREG, S_IFREG, S_IFREG, S_IFDIR,
                                                  S_IFDIR, S_IFLNK, S_IFIFO};
        wire::Make m{.parent = folder(),
                     .name = name(),
                     .mode = kinds[below(7)] | 0644,
                     .existing_ok = chance(4),
                     .now = ++f_.now,
                     .who = {std::uint32_t(below(3)), std::uint32_t(below(3))}};
        if (S_ISDIR(m.mode) && chance(4)) m.mode |= S_ISGID;
        if (S_ISLNK(m.mode)) m.target = "target" + name();
        if (S_ISREG(m.mode) && chance(10)) m.name.clear();
        return m;
    }

    wire::SetAttr random_setattr() {
        wire::SetAttr m{.ino = any(), .now = ++f_.now};
        if (chance(2)) m.mask |= wire::set_mode;
        if (chance(2)) m.mask |= wire::set_size;
        m.attr.mode = std::uint32_t(below(01000));
        m.attr.size = below(800) * cell_bytes;
        return m;
    }

    wire::Commit random_commit() {
        wire::Commit commit{.now = ++f_.now};
        if (chance(3)) {
            // In the packed form, one character stands for many.
            const bool packed = chance(2);
            const std::uint64_t bytes = below(5000);
            commit.inodes.push_back({.ino = any(),
                                     .mtime = f_.now,
                                     .set_inline = true,
                                     .inline_data = Buffer::take(std::string(
                                         bytes / (packed ? 5 : 1) + packed, char(below(256)))),
                                     .inline_bytes = packed ? std::uint32_t(bytes) + 2 : 0});
            return commit;
        }
        const SegmentId segment = f_.next_segment++;
        commit.segments = {{segment, 1 << 20}};
        for (std::uint64_t left = 1 + below(2); left > 0; --left) {
            wire::InodeCommit& change = commit.inodes.emplace_back();
            change.ino = any();
            change.mtime = f_.now;
            change.clear_inline = !chance(4);
            for (std::uint64_t extents = 1 + below(4); extents > 0; --extents) {
                const std::uint64_t cell = below(800), in_block = cell % 256;
                const std::uint64_t cells = 1 + below(std::min<std::uint64_t>(64, 256 - in_block));
                change.extents.push_back({.idx = cell / 256,
                                          .off = std::uint32_t(in_block * cell_bytes),
                                          .len = std::uint32_t(cells * cell_bytes),
                                          .segment = segment,
                                          .pos = std::uint32_t(below(1000)),
                                          .stored = std::uint32_t(48 + below(1000)),
                                          .check = ++last_check_});
            }
        }
        return commit;
    }

    wire::Allocate random_allocate() {
        static constexpr std::uint32_t modes[] = {0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
                                                  FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
                                                  FALLOC_FL_COLLAPSE_RANGE};
        return {.ino = any(),
                .mode = chance(2) ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE : modes[below(5)],
                .offset = below(600) * cell_bytes,
                .length = below(chance(2) ? 16 : 400) * cell_bytes,
                .now = ++f_.now};
    }

    wire::CopyRange random_copy() {
        return {.from = any(),
                .from_offset = below(chance(2) ? 600 : 4) * cell_bytes,
                .ino = any(),
                .offset = below(400) * cell_bytes,
                .length = below(chance(2) ? 16 : 400) * cell_bytes,
                .now = ++f_.now};
    }

    Call random_call() {
        const SessionId from = session();
        Call call{from, chance(3) ? ++sequence_ : 0, {}};
        for (const SessionId holder : sessions_)
            if (chance(3)) call.holders.push_back(holder);
        switch (below(14)) {
            case 0:
            case 1:
            case 2: call.request = random_make(); break;
            case 3: call.request = wire::Link{any(), folder(), name(), ++f_.now}; break;
            case 4: call.request = wire::Unlink{folder(), name(), ++f_.now}; break;
            case 5: call.request = wire::Rmdir{folder(), name(), ++f_.now}; break;
            case 6: {
                const std::uint32_t flags[] = {0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE};
                call.request =
                    wire::Rename{folder(), name(), folder(), name(), flags[below(4)], ++f_.now};
                break;
            }
            case 7: call.request = random_setattr(); break;
            case 8: {
                const std::uint32_t flags[] = {0, XATTR_CREATE, XATTR_REPLACE};
                call.request = wire::SetXattr{any(), "user." + name(), Buffer::take(name()),
                                              flags[below(3)], ++f_.now};
                break;
            }
            case 9: call.request = wire::RemoveXattr{any(), "user." + name(), ++f_.now}; break;
            case 10: call.request = wire::Release{{any(), any(), any()}}; break;
            case 11: call.request = random_allocate(); break;
            case 12: call.request = random_copy(); break;
            default: call.session = 0; call.request = random_commit();
        }
        return call;
    }

    // Returns the model's codes; a Commit has one for each inode.
    std::vector<int> expect(const Call& call) {
        const std::set<SessionId> holders(call.holders.begin(), call.holders.end());
        if (auto* m = std::get_if<wire::Make>(&call.request))
            return {model_.make(*m, call.session)};
        if (auto* m = std::get_if<wire::Link>(&call.request)) return {model_.link(*m)};
        if (auto* m = std::get_if<wire::Unlink>(&call.request)) return {model_.unlink(*m, holders)};
        if (auto* m = std::get_if<wire::Rmdir>(&call.request)) return {model_.rmdir(*m, holders)};
        if (auto* m = std::get_if<wire::Rename>(&call.request)) return {model_.rename(*m, holders)};
        if (auto* m = std::get_if<wire::SetAttr>(&call.request)) return {model_.setattr(*m)};
        if (auto* m = std::get_if<wire::SetXattr>(&call.request)) return {model_.set_xattr(*m)};
        if (auto* m = std::get_if<wire::RemoveXattr>(&call.request))
            return {model_.remove_xattr(*m)};
        if (auto* m = std::get_if<wire::Allocate>(&call.request)) return {model_.allocate(*m)};
        if (auto* m = std::get_if<wire::CopyRange>(&call.request)) return {model_.copy_range(*m)};
        if (auto* m = std::get_if<wire::Release>(&call.request)) {
            for (const Ino ino : m->inos) model_.release(ino, call.session);
            return {0};
        }
        std::vector<int> codes = {0};
        for (const auto& change : std::get<wire::Commit>(call.request).inodes)
            codes.push_back(model_.commit(change));
        return codes;
    }

    static std::vector<int> codes_of(const Outcome& outcome) {
        std::vector<int> codes = {code_of(outcome.reply)};
        if (!outcome.reply) return codes;
        if (auto* committed = std::get_if<wire::Committed>(&*outcome.reply))
            codes.insert(codes.end(), committed->errors.begin(), committed->errors.end());
        return codes;
    }

    void batch() {
        std::vector<Call> calls;
        for (std::uint64_t left = 1 + below(6); left > 0; --left) calls.push_back(random_call());
        const bool failing = chance(10);
        if (failing) f_.volume->fail_statement(int(1 + below(20)));
        std::vector<Outcome> outcomes = f_.volume->apply(calls);
        f_.volume->fail_statement(0);
        for (std::size_t i = 0; i < calls.size(); ++i) {
            CAPTURE(i);
            // A single call that met the failure did nothing; in a batch it was executed again.
            if (failing && code_of(outcomes[i].reply) == EIO) continue;
            REQUIRE(codes_of(outcomes[i]) == expect(calls[i]));
            if (outcomes[i].reply && calls[i].session * calls[i].sequence != 0 && chance(10)) {
                const Outcome again = std::move(f_.volume->apply({&calls[i], 1}).front());
                REQUIRE(again.repeated);
            }
        }
    }

    void restart() {
        if (chance(2)) f_.crash();
        else f_.reopen();
        REQUIRE(f_.volume->sessions().size() == sessions_.size());
    }

    void change_session() {
        const std::size_t at = below(sessions_.size());
        REQUIRE(f_.volume->apply(sessions_[at], wire::CloseSession()));
        f_.upkeep(1 + below(20));
        model_.end_session(sessions_[at]);
        sessions_[at] = f_.session();
    }

    void settle() {
        if (chance(2)) {
            f_.volume->fail_disk(ENOSPC);
            static_cast<void>(f_.volume->truncate_log());
            f_.volume->fail_disk(0);
        }
        REQUIRE(f_.volume->commit());
        if (chance(2)) REQUIRE(f_.volume->sync());
        if (chance(2)) REQUIRE(f_.volume->checkpoint());
        if (chance(2)) REQUIRE(f_.volume->truncate_log());
    }

    void take_garbage() {
        const auto due = f_.garbage(f_.now, below(20));
        if (!chance(5)) f_.own(ForgetGarbage{due});
        f_.now += Duration(std::chrono::seconds(20)).count();
    }

    std::vector<std::uint64_t> cells_of(const wire::ExtentList& list) {
        std::vector<std::uint64_t> cells;
        for (const wire::Extent& e : list.extents)
            if (!e.is_unwritten()) fill_cells(cells, e, 256);
        return cells;
    }

    void compare_inode(Ino ino, const ModelInode& want) {
        CAPTURE(ino);
        const auto entry = f_.volume->read(wire::GetAttr{ino});
        REQUIRE(entry);
        const wire::Attr& attr = entry->attr;
        CHECK(attr.mode == want.mode);
        CHECK(attr.nlink == want.nlink);
        CHECK(attr.size == want.size);
        CHECK(attr.gid == want.gid);
        CHECK(attr.mtime == want.mtime);
        CHECK(attr.ctime == want.ctime);
        CHECK(attr.parent == want.parent);
        std::vector<std::string> xattrs;
        for (const auto& [name, value] : want.xattrs) {
            xattrs.push_back(name);
            CHECK(f_.volume->read(wire::GetXattr{ino, name}).value().value.text() == value);
        }
        CHECK(f_.volume->read(wire::ListXattr{ino}).value().names == xattrs);
        if (S_ISLNK(want.mode))
            CHECK(f_.volume->read(wire::ReadLink{ino}).value().target == want.target);
        if (want.folder()) {
            std::map<std::string, Ino> names;
            for (const auto& e : f_.volume->read(wire::ReadDir{ino}).value().entries)
                names[e.name] = e.ino;
            CHECK(names == want.names);
        }
        if (!S_ISREG(want.mode)) return;
        CHECK(attr.used == want.used());
        const wire::ExtentList list = f_.extents(ino);
        auto have = cells_of(list), cells = want.cells;
        have.resize(1024);
        cells.resize(1024);
        CHECK(have == cells);
        if (list.inline_bytes == 0) {
            CHECK(list.inline_data.text() == want.inline_data);
        } else {
            CHECK(list.inline_bytes == want.inline_data.size());
            CHECK(list.inline_data.text()[0] == want.inline_data[0]);
        }
    }

    void compare() {
        f_.verify();
        CHECK(f_.volume->read(wire::StatFs()).value().inodes == model_.inodes.size());
        for (const auto& [ino, want] : model_.inodes) compare_inode(ino, want);
    }

    std::mt19937_64 random_;
    Fixture f_;
    Model model_;
    std::vector<SessionId> sessions_;
    std::uint64_t sequence_ = 0;
    std::uint64_t last_check_ = 0;
};

}  // namespace

TEST_CASE("a volume does what the model does, through failures, crashes and restarts") {
    const std::uint64_t seed = number_from("FLEXFS_SEED", std::random_device()());
    MESSAGE("FLEXFS_SEED=" << seed);
    Simulation(seed).run(number_from("FLEXFS_STEPS", 3000));
}

}  // namespace flexfs::meta
