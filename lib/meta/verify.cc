// Checks the rules that hold in every database between transactions.
#include <algorithm>
#include <utility>

#include "lib/base/format.h"
#include "lib/meta/inspect.h"
#include "lib/wire/cover.h"

namespace flexfs::meta {
namespace {

// A rule is broken if its query returns rows; the first column names the place.
struct Rule {
    const char* broken;
    const char* sql;
};

constexpr Rule rules[] = {
    {"a name refers to no inode",
     "SELECT d.ino FROM dentry d LEFT JOIN inode i ON i.ino = d.ino WHERE i.ino IS NULL"},
    {"a name's kind differs from that of its inode",
     "SELECT d.ino FROM dentry d JOIN inode i ON i.ino = d.ino WHERE i.mode >> 12 <> d.kind"},
    {"names are in an inode that is not a folder, or was removed",
     "SELECT DISTINCT d.parent FROM dentry d LEFT JOIN inode p ON p.ino = d.parent "
     "WHERE p.ino IS NULL OR p.mode >> 12 <> 4 OR p.nlink = 0"},
    {"a folder's link count is not 2 plus the number of folders in it",
     "SELECT i.ino FROM inode i LEFT JOIN (SELECT parent, count(*) AS n FROM dentry "
     "WHERE kind = 4 GROUP BY parent) c ON c.parent = i.ino "
     "WHERE i.mode >> 12 = 4 AND i.nlink <> 0 AND i.nlink <> 2 + coalesce(c.n, 0)"},
    {"a folder does not have exactly one name",
     "SELECT i.ino FROM inode i LEFT JOIN (SELECT ino, count(*) AS n FROM dentry GROUP BY ino) c "
     "ON c.ino = i.ino WHERE i.mode >> 12 = 4 AND i.ino <> 1 "
     "AND coalesce(c.n, 0) <> (i.nlink <> 0)"},
    {"a link count is not the number of names",
     "SELECT i.ino FROM inode i LEFT JOIN (SELECT ino, count(*) AS n FROM dentry GROUP BY ino) c "
     "ON c.ino = i.ino WHERE i.mode >> 12 <> 4 AND coalesce(c.n, 0) <> i.nlink"},
    {"a folder's parent is not the folder that has its name",
     "SELECT i.ino FROM dentry d JOIN inode i ON i.ino = d.ino "
     "WHERE d.kind = 4 AND i.parent <> d.parent"},
    {"an inode has neither names nor holders",
     "SELECT i.ino FROM inode i LEFT JOIN orphan o ON o.ino = i.ino "
     "WHERE i.nlink = 0 AND o.ino IS NULL"},
    {"an orphan has names, or no inode",
     "SELECT o.ino FROM orphan o LEFT JOIN inode i ON i.ino = o.ino "
     "WHERE i.ino IS NULL OR i.nlink <> 0"},
    {"an orphan is held by no session",
     "SELECT o.ino FROM orphan o LEFT JOIN session s ON s.id = o.session WHERE s.id IS NULL"},
    {"an extent refers to an unknown segment",
     "SELECT e.ino FROM extent e LEFT JOIN segment s ON s.id = e.segment "
     "WHERE s.id IS NULL AND e.segment <> 0"},
    {"an unwritten extent does not consist of whole pages, or has a frame",
     "SELECT e.ino FROM extent e WHERE e.segment = 0 AND (e.off % 4096 <> 0 OR e.len % 4096 <> 0 "
     "OR e.len = 0 OR e.skip <> 0 OR e.pos <> 0 OR e.stored <> 0 OR e.sum <> 0 "
     "OR e.chunks IS NOT NULL)"},
    {"an extent's frame has an unknown form, or has chunks though its form has none",
     "SELECT e.ino FROM extent e WHERE e.form NOT IN (1, 2) "
     "OR (e.form = 1 AND e.chunks IS NOT NULL)"},
    {"an inode lacks the flag for its unwritten extents",
     "SELECT i.ino FROM inode i WHERE i.state & 32 = 0 AND EXISTS (SELECT 1 FROM extent e "
     "WHERE e.ino = i.ino AND e.segment = 0)"},
    {"a segment's live bytes differ from those of its extents",
     "SELECT s.id FROM segment s LEFT JOIN (SELECT segment, sum(stored) AS n FROM extent "
     "GROUP BY segment) e ON e.segment = s.id WHERE s.live <> coalesce(e.n, 0)"},
    {"a dead segment is not garbage, or a live one is",
     "SELECT s.id FROM segment s LEFT JOIN garbage g ON g.segment = s.id "
     "WHERE (s.live = 0) <> (g.segment IS NOT NULL)"},
    {"extents belong to no inode and to no cut",
     "SELECT DISTINCT e.ino FROM extent e LEFT JOIN inode i ON i.ino = e.ino "
     "WHERE i.ino IS NULL AND e.ino NOT IN (SELECT ino FROM cut)"},
    {"an inode lacks the flag for its extents or cuts",
     "SELECT i.ino FROM inode i WHERE (i.state & 2 = 0 AND EXISTS (SELECT 1 FROM extent e "
     "WHERE e.ino = i.ino)) OR (i.state & 8 = 0 AND EXISTS (SELECT 1 FROM cut c "
     "WHERE c.ino = i.ino))"},
    {"an inode's flag for inline data is wrong",
     "SELECT i.ino FROM inode i WHERE (i.state & 1) <> EXISTS (SELECT 1 FROM inline n "
     "WHERE n.id BETWEEN i.ino * 32 AND i.ino * 32 + 31)"},
    {"a later piece of inline data has a count of bytes",
     "SELECT n.id / 32 FROM inline n WHERE n.id % 32 <> 0 AND n.bytes <> 0"},
    {"inline data belongs to no inode",
     "SELECT n.id / 32 FROM inline n LEFT JOIN inode i ON i.ino = n.id / 32 WHERE i.ino IS NULL"},
    {"xattrs belong to no inode, or to one without the flag for them",
     "SELECT x.ino FROM xattr x LEFT JOIN inode i ON i.ino = x.ino "
     "WHERE i.ino IS NULL OR i.state & 4 = 0"},
    {"a link target is missing, or belongs to no symlink",
     "SELECT coalesce(i.ino, s.ino) FROM (SELECT ino FROM inode WHERE mode >> 12 = 10) i "
     "FULL JOIN symlink s ON s.ino = i.ino WHERE s.ino IS NULL OR i.ino IS NULL"},
    {"a session has used more segments than it reserved",
     "SELECT r.first FROM reserved r WHERE r.unused < 1 OR r.unused > r.count - (SELECT count(*) "
     "FROM segment s WHERE s.id BETWEEN r.first AND r.first + r.count - 1)"},
    {"ids are reserved for no session",
     "SELECT r.first FROM reserved r LEFT JOIN session s ON s.id = r.session "
     "WHERE s.id IS NULL AND r.session <> 0"},
};

Result<void> check_rules(db::Db& db, std::vector<std::string>& wrong) {
    for (const Rule& rule : rules) {
        TRY(db::Stmt stmt, db.prepare(rule.sql));
        db::Query query(stmt);
        for (;;) {
            TRY(bool row, query.next());
            if (!row) break;
            wrong.push_back(fmt::format("{}: {}", query.integer(0), rule.broken));
        }
    }
    return {};
}

Result<void> check_names(State& state, std::vector<std::string>& wrong) {
    TRY(db::Stmt stmt, state.db->prepare("SELECT parent, hash, name, slot FROM dentry "
                                         "ORDER BY parent, hash, name"));
    db::Query query(stmt);
    std::pair<Ino, std::uint64_t> group;
    std::uint32_t used = 0;  // used slots of the group, as bits
    for (;;) {
        TRY(bool row, query.next());
        if (!row) return {};
        const Ino folder = query.number(0);
        const std::uint64_t hash = query.number(1);
        if (state.hash(query.text(2)) != hash)
            wrong.push_back(fmt::format("{}: the hash of '{}' is wrong", folder, query.text(2)));
        if (std::exchange(group, {folder, group_of(hash)}) != group) used = 0;
        const std::uint32_t slot = query.as<std::uint32_t>(3);
        if (slot >= name_slots || (used >> slot & 1))
            wrong.push_back(
                fmt::format("{}: '{}' has the position of another name", folder, query.text(2)));
        used |= 1u << slot % name_slots;
    }
}

// Returns the bytes that count as used: those that extents and inline data cover together, plus
// those that hidden extents cover.
Result<std::uint64_t> used_bytes(State& state, const Inode& inode,
                                 std::vector<std::string>& wrong) {
    TRY(const Small small, load_inline(state.st, inode));
    TRY(const std::vector<Cut> cuts, load_cuts(state.st, inode));
    if (small.bytes() > inode.attr.size)
        wrong.push_back(fmt::format("{}: inline data lies beyond the end", inode.attr.ino));
    std::uint64_t used = 0, idx = 0;
    RangeSet seen, hidden;
    seen.add({0, small.bytes()});
    db::Query query(state.st.extent_list, inode.attr.ino, 0, INT64_MAX);
    for (;;) {
        TRY(bool row, query.next());
        const wire::Extent e = row ? extent_from(query) : wire::Extent{};
        if (!row || e.idx != idx) {
            used += seen.size() + hidden.size();
            if (!row) return used;
            seen = hidden = RangeSet();
            idx = e.idx;
        }
        const bool dead = is_cut(cuts, e);
        (dead ? hidden : seen).add(wire::covered_by(e));
        if (!dead && !e.is_unwritten() &&
            e.idx * state.info.block_bytes + e.off + e.len > inode.attr.size)
            wrong.push_back(fmt::format("{}: an extent lies beyond the end", inode.attr.ino));
    }
}

Result<void> check_inodes(State& state, std::vector<std::string>& wrong) {
    TRY(db::Stmt stmt, state.db->prepare("SELECT ino FROM inode"));
    db::Query query(stmt);
    std::uint64_t count = 0, total = 0;
    Ino last = state.counters.ino_floor;
    for (;;) {
        TRY(bool row, query.next());
        if (!row) break;
        TRY(const std::optional<Inode> inode, load_inode(state.st, query.number(0)));
        TRY(const std::uint64_t used, used_bytes(state, *inode, wrong));
        if (used != inode->attr.used)
            wrong.push_back(fmt::format("{}: {} bytes are used, not {}", inode->attr.ino, used,
                                        inode->attr.used));
        ++count;
        total += used;
        last = std::max(last, inode->attr.ino);
    }
    const Counters& c = state.counters;
    if (c.inodes() != count)
        wrong.push_back(fmt::format("there are {} inodes, not {}", count, c.inodes()));
    if (c.used_bytes != total)
        wrong.push_back(fmt::format("the volume uses {} bytes, not {}", total, c.used_bytes));
    if (c.next_ino != last + 1)
        wrong.push_back(fmt::format("the next inode is {}, not {}", last + 1, c.next_ino));
    return {};
}

Result<void> check_counters(State& state, std::vector<std::string>& wrong) {
    const auto above = [&](const char* what, std::uint64_t next, const char* sql) -> Result<void> {
        TRY(const std::int64_t used, state.db->number(sql));
        if (static_cast<std::uint64_t>(used) >= next)
            wrong.push_back(fmt::format("the next {} is {}, but {} exists", what, next, used));
        return {};
    };
    const Counters& c = state.counters;
    TRY(above("seq", c.next_seq, "SELECT max(seq) FROM extent"));
    TRY(above("session", c.next_session, "SELECT max(id) FROM session"));
    return above("segment", c.next_segment, "SELECT max(first + count - 1) FROM reserved");
}

}  // namespace

Result<std::vector<std::string>> verify(State& state) {
    std::vector<std::string> wrong;
    TRY(db::Stmt stmt, state.db->prepare("PRAGMA quick_check(10)"));
    {
        db::Query query(stmt);
        for (;;) {
            TRY(bool row, query.next());
            if (!row) break;
            if (query.text(0) != "ok") wrong.emplace_back(query.text(0));
        }
    }
    TRY(check_rules(*state.db, wrong));
    TRY(check_names(state, wrong));
    TRY(check_inodes(state, wrong));
    TRY(check_counters(state, wrong));
    return wrong;
}

}  // namespace flexfs::meta
