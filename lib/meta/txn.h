// One batch of calls, or a piece of upkeep: what the operations work with.
//
// An operation that answers with an error must not have changed anything: it asks first and changes
// then. After a fault the whole transaction is thrown away.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "lib/meta/permission.h"

namespace flexfs::meta {

class Txn {
public:
    explicit Txn(State& state)
        : state_(state),
          st_(state.st),
          counters_(state.counters),
          now_(state.clock),
          faults_before_(state.db->faults()) {}

    Statements& st() { return st_; }
    Orphans& orphans() { return state_.orphans; }
    const wire::VolumeInfo& info() const { return changed_info_ ? *changed_info_ : state_.info; }
    wire::VolumeInfo& change_info();

    // --- the call that is executed now ---

    void start(SessionId session, std::span<const SessionId> holders, Time now);
    // After each call, whatever became of it: reports the inodes that it changed (row_observer.h).
    void end_call();
    SessionId session() const { return session_; }
    Time now() const { return now_; }
    Caller caller(const wire::Who& who) const { return {st_, sessions(), session_, who}; }

    // --- inodes ---

    // Null: there is none. The pointer stays good until the transaction's end.
    Result<Inode*> find(Ino ino);
    Result<Inode*> inode(Ino ino);      // ESTALE
    Result<Inode*> file(Ino ino);       // ESTALE, EISDIR (a directory), EINVAL (no regular file)
    Result<Inode*> directory(Ino ino);  // ESTALE, ENOTDIR
    // A directory that may get entries: ENOENT when it was removed itself.
    Result<Inode*> living_directory(Ino ino);
    // ENOSPC: the volume may not hold one more.
    Result<void> room_for_inode() const;
    // A new one with the next number, `since` and times now; the caller fills in the rest.
    Inode& create();
    void changed(Inode& inode);
    // Entries of the directory changed at `at`.
    void touch(Inode& directory, Time at);
    // Takes one name, or a directory's only one, away. Without names the inode is freed, or kept as
    // orphan while the call's holders want it.
    Result<void> drop_link(Inode& inode);
    // The inode and everything of it goes.
    Result<void> free(Inode& inode);

    // --- names ---

    Result<std::optional<Name>> name(Ino parent, std::string_view name);
    // These only for what name() was asked about in the same call. ENOSPC: the directory has as
    // many names of the same hash group as fit; asked before put_name() of a name that is not
    // there.
    Result<void> room_for_name(Ino parent, std::string_view name);
    void put_name(Ino parent, std::string_view name, const Inode& to);
    void erase_name(Ino parent, std::string_view name);
    Result<bool> is_empty(Ino directory);

    // --- extended attributes ---

    Result<void> put_xattr(Inode& inode, std::string_view name, ByteView value);
    // False: it was not there.
    Result<bool> erase_xattr(Inode& inode, std::string_view name);
    // Nothing: it has none of that name.
    Result<std::optional<Acl>> acl(const Inode& inode, std::string_view name);

    // --- data ---

    // ENOSPC: `more` bytes would pass the volume's limit.
    Result<void> room_for_bytes(std::uint64_t more) const;
    void add_used(Inode& inode, std::int64_t bytes);
    // How many bytes it uses more with `size` bytes of inline data than without: those that lie
    // over unwritten extents count already.
    Result<std::uint64_t> inline_gain(const Inode& inode, std::uint64_t size);
    Result<void> put_inline(Inode& inode, const Small& small);
    // No more than its first `bytes` are the file's any more.
    Result<void> cut_inline(Inode& inode, std::uint64_t bytes);
    Result<void> erase_inline(Inode& inode);
    std::uint64_t next_seq() { return counters_.next_seq++; }
    Result<void> add_extent(Inode& inode, const wire::Extent& extent);
    Result<void> trim_extent(Inode& inode, const wire::Extent& extent);
    Result<void> erase_extent(Ino ino, const wire::Extent& extent);
    // All extents from block `idx` on are dead; if they are many, Maintain removes the rest.
    Result<void> drop_extents(Inode& inode, std::uint64_t idx);

    // --- segments ---

    // Whether extents may lead into it: it has live bytes, or is new (`listed` by the request or
    // opened before).
    Result<bool> is_usable(SegmentId segment, bool listed);
    // EINVAL: not the session's to use.
    Result<void> check_segment(const wire::SegmentUse& use);
    Result<void> open_segment(const wire::SegmentUse& use);
    Result<void> make_garbage(SegmentId segment);

    // --- counters and sessions ---

    Counters& counters() { return counters_; }
    const Counters& counters() const { return counters_; }
    const Sessions& sessions() const {
        return changed_sessions_ ? *changed_sessions_ : *state_.sessions;
    }
    Sessions& change_sessions();
    void cuts_exist() { cuts_ = true; }
    void no_cuts_exist() { cuts_ = false; }

    // Writes the segments and forgets them: at the end of all calls, and before what reads or
    // changes the tables of segments and garbage itself.
    Result<void> flush();
    // At the end of all calls, after flush(): makes counters, sessions, info and clock the State's,
    // as inodes, entries and orphans are from the beginning (see write_back()).
    void settle();

    // What the database should hold and does not: EIO, and the transaction must not commit.
    Error damage(std::string what);
    // Whether anything but an answer went wrong since the transaction began.
    bool faulty() const { return damaged_ || state_.db->faults() != faults_before_; }

private:
    struct Segment {
        std::uint64_t bytes = 0;
        std::int64_t live = 0;
        bool stored = false;
        bool was_dead = false;
        bool dirty = false;
        SessionId session = 0;
    };
    Result<Segment*> segment(SegmentId id);
    // Inline data without a report of its own.
    Result<void> remove_inline(Inode& inode);

    // What the observer is told; without one they do nothing, and read nothing.
    bool observed() const { return state_.observer != nullptr; }
    void report(std::optional<Row> before, std::optional<Row> after);
    Name name_to_report(const Entries::Place& at) const;
    void report_name(const Entries::Place& at, const Name& before);
    Result<void> report_extent(Ino ino, const wire::Extent& extent, bool stays);
    Result<Small> inline_to_report(const Inode& inode);
    void report_inline(const Inode& inode, const Small& before, const Small& after);
    Result<void> report_xattr(const Inode& inode, std::string_view name,
                              std::optional<ByteView> after);
    Result<void> report_no_xattrs(const Inode& inode);

    State& state_;
    Statements& st_;
    Counters counters_;
    SessionId session_ = 0;
    std::span<const SessionId> holders_;
    Time now_;
    std::uint64_t faults_before_;
    std::map<SegmentId, Segment> segments_;
    std::shared_ptr<Sessions> changed_sessions_;
    std::optional<wire::VolumeInfo> changed_info_;
    std::optional<bool> cuts_;
    bool damaged_ = false;
    std::map<Ino, std::optional<Inode>> found_;  // inodes as the call found them, if observed
    std::set<Ino> changed_inodes_;               // of them
};

}  // namespace flexfs::meta
