// Finishes work that was too long for one call, one bounded piece at a time.
#include <algorithm>

#include "lib/meta/operations.h"
#include "lib/wire/cover.h"

namespace flexfs::meta {
namespace {

struct DueCut {
    Ino ino = 0;
    Cut cut;
};

Result<std::optional<DueCut>> first_cut(Txn& tx) {
    db::Query query(tx.st().cut_first);
    TRY(bool found, query.next());
    if (!found) return std::nullopt;
    return DueCut{query.number(0), {query.number(1), query.number(2)}};
}

struct Victims {
    std::vector<wire::Extent> extents;  // whole blocks
    std::uint64_t next_idx = 0;         // where to continue
    bool end = false;
};

// Looks at about `limit` rows of the inode and picks those that a cut hides.
Result<Victims> pick(Txn& tx, Ino ino, const std::vector<Cut>& cuts, std::uint64_t from,
                     std::size_t limit) {
    Victims victims{{}, from, false};
    db::Query query(tx.st().extent_list, ino, from, INT64_MAX);
    for (std::size_t seen = 0;; ++seen) {
        TRY(bool row, query.next());
        if (!row) {
            victims.end = true;
            return victims;
        }
        const wire::Extent extent = extent_from(query);
        if (seen >= limit && extent.idx >= victims.next_idx) return victims;
        victims.next_idx = extent.idx + 1;
        if (is_cut(cuts, extent)) victims.extents.push_back(extent);
    }
}

Result<void> erase_victims(Txn& tx, Inode* inode, Ino ino, const Victims& victims) {
    const auto& extents = victims.extents;
    for (auto block = extents.begin(); block != extents.end();) {
        const auto end = wire::block_end(block, extents.end());
        for (auto extent = block; extent != end; ++extent) TRY(tx.erase_extent(ino, *extent));
        if (inode)
            tx.add_used(*inode, -static_cast<std::int64_t>(wire::covered_bytes({block, end})));
        block = end;
    }
    return {};
}

// An inode that is gone has no cuts of its own: everything left of it is dead.
Result<void> continue_cut(Txn& tx, const DueCut& due, std::size_t limit) {
    TRY(Inode * inode, tx.find(due.ino));
    std::vector<Cut> cuts{{0, UINT64_MAX}};
    if (inode) {
        TRY(cuts, load_cuts(tx.st(), *inode));
    }
    TRY(const Victims victims, pick(tx, due.ino, cuts, due.cut.idx, limit));
    TRY(erase_victims(tx, inode, due.ino, victims));
    TRY(tx.st().cut_erase.run(due.ino, due.cut.idx, due.cut.seq));
    if (!victims.end) return tx.st().cut_add.run(due.ino, victims.next_idx, due.cut.seq);
    if (inode && cuts.size() == 1) {
        inode->state &= ~std::uint32_t{has_cuts};
        tx.changed(*inode);
    }
    return {};
}

// Returns true if the session holds no orphans any longer.
Result<bool> release_orphans(Txn& tx, SessionId session, std::size_t limit) {
    TRY(tx.orphans().write(tx.st()));  // the query below would miss those in memory
    // The table has a row for each file that is open without a name. Scanning all of it once per
    // ended session costs less than an index that every unlink of an open file had to update.
    std::vector<Ino> held;
    Ino after = 0;
    SessionId after_session = 0;
    for (bool end = false; !end && held.size() < limit;) {
        db::Query query(tx.st().orphan_after, after, after_session, limit);
        end = true;
        for (;;) {
            TRY(bool row, query.next());
            if (!row) break;
            end = false;
            after = query.number(0);
            after_session = query.number(1);
            if (after_session == session) held.push_back(after);
        }
    }
    for (Ino ino : held) TRY(release_orphan(tx, ino, session));
    return held.size() < limit;
}

// Returns true if no reserved ids are left.
Result<bool> discard_reserved(Txn& tx, SessionId session) {
    wire::SegmentRange range;
    {
        db::Query query(tx.st().reserved_first, session);
        TRY(bool found, query.next());
        if (!found) return true;
        range = {query.number(0), query.number(1)};
    }
    for (SegmentId id = range.first; id < range.first + range.count; ++id) {
        db::Query query(tx.st().segment_get, id);
        TRY(bool committed, query.next());
        if (!committed) TRY(tx.make_garbage(id));
    }
    TRY(tx.st().reserved_erase.run(session, range.first));
    return false;
}

Result<void> bury_session(Txn& tx, SessionId session, std::size_t limit) {
    TRY(const bool released, release_orphans(tx, session, limit));
    if (!released) return {};
    TRY(const bool discarded, discard_reserved(tx, session));
    if (!discarded) return {};
    TRY(tx.st().reply_erase.run(session));
    TRY(tx.st().session_erase.run(session));
    std::erase(tx.change_sessions().ended, session);
    return {};
}

}  // namespace

Result<Maintained> maintain(Txn& tx, const Maintain& request) {
    const std::uint64_t limit = std::max<std::uint64_t>(request.limit, 1);
    const auto& ended = tx.sessions().ended;
    if (!ended.empty()) {
        // This need not be the session that ended first, because after a restart that is unknown.
        TRY(bury_session(tx, std::ranges::min(ended), limit));
        return Maintained{true};
    }
    TRY(const std::optional<DueCut> due, first_cut(tx));
    if (!due) {
        tx.no_cuts_exist();
        return Maintained{false};
    }
    TRY(continue_cut(tx, *due, limit));
    return Maintained{true};
}

}  // namespace flexfs::meta
