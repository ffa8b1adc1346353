// The transaction of one batch of calls, or of one step of upkeep. The operations work with it.
//
// An operation that returns an error must not have changed anything: it checks first and changes
// afterwards. After a fault the whole transaction is rolled back.
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

    void start(SessionId session, std::span<const SessionId> holders, Time now);
    // Called after each call, whether it succeeded or not: reports the inodes that it changed
    // (row_observer.h).
    void end_call();
    SessionId session() const { return session_; }
    Time now() const { return now_; }
    Caller caller(const wire::Who& who) const { return {st_, sessions(), session_, who}; }

    // Returns null if there is no such inode. The pointer is valid until the transaction ends.
    Result<Inode*> find(Ino ino);
    Result<Inode*> inode(Ino ino);      // ESTALE
    Result<Inode*> file(Ino ino);       // ESTALE, EISDIR (a directory), EINVAL (no regular file)
    Result<Inode*> directory(Ino ino);  // ESTALE, ENOTDIR
    // Returns a directory that may get entries. ENOENT: the directory itself was removed.
    Result<Inode*> living_directory(Ino ino);
    // ENOSPC: the volume may not hold another inode.
    Result<void> room_for_inode() const;
    // Adds an inode with the next number and with `since` and its times set to now; the caller
    // fills in the rest.
    Inode& create();
    void changed(Inode& inode);
    // Records that entries of the directory changed at `at`.
    void touch(Inode& directory, Time at);
    // Removes one name, or a directory's only one. An inode without names is freed, or kept as an
    // orphan while the call's holders need it.
    Result<void> drop_link(Inode& inode);
    // Frees the inode and everything that belongs to it.
    Result<void> free(Inode& inode);

    Result<std::optional<Name>> name(Ino parent, std::string_view name);
    // The following functions take only a name that name() was called for in the same call. ENOSPC:
    // the name's hash group is full. Call it before put_name() of a name that does not exist.
    Result<void> room_for_name(Ino parent, std::string_view name);
    void put_name(Ino parent, std::string_view name, const Inode& to);
    void erase_name(Ino parent, std::string_view name);
    Result<bool> is_empty(Ino directory);

    Result<void> put_xattr(Inode& inode, std::string_view name, ByteView value);
    // Returns false if it did not exist.
    Result<bool> erase_xattr(Inode& inode, std::string_view name);
    // Returns an empty optional if the inode has no ACL of that name.
    Result<std::optional<Acl>> acl(const Inode& inode, std::string_view name);

    // ENOSPC: `more` bytes would exceed the volume's limit.
    Result<void> room_for_bytes(std::uint64_t more) const;
    void add_used(Inode& inode, std::int64_t bytes);
    // Returns by how many bytes the use of space grows with `size` bytes of inline data; bytes over
    // unwritten extents count already.
    Result<std::uint64_t> inline_gain(const Inode& inode, std::uint64_t size);
    Result<void> put_inline(Inode& inode, const Small& small);
    // Cuts the inline data to its first `bytes` bytes.
    Result<void> cut_inline(Inode& inode, std::uint64_t bytes);
    Result<void> erase_inline(Inode& inode);
    std::uint64_t next_seq() { return counters_.next_seq++; }
    Result<void> add_extent(Inode& inode, const wire::Extent& extent);
    Result<void> trim_extent(Inode& inode, const wire::Extent& extent);
    Result<void> erase_extent(Ino ino, const wire::Extent& extent);
    // Drops all extents from block `idx` on; if they are many, Maintain removes the rest.
    Result<void> drop_extents(Inode& inode, std::uint64_t idx);

    // Whether extents may refer to the segment: it has live bytes, or is new (`listed` by the
    // request or opened before).
    Result<bool> is_usable(SegmentId segment, bool listed);
    // EINVAL: the session may not use the segment.
    Result<void> check_segment(const wire::SegmentUse& use);
    Result<void> open_segment(const wire::SegmentUse& use);
    Result<void> make_garbage(SegmentId segment);

    Counters& counters() { return counters_; }
    const Counters& counters() const { return counters_; }
    const Sessions& sessions() const {
        return changed_sessions_ ? *changed_sessions_ : *state_.sessions;
    }
    Sessions& change_sessions();
    void cuts_exist() { cuts_ = true; }
    void no_cuts_exist() { cuts_ = false; }

    // Writes the segments and forgets them. Called at the end of all calls, and before a request
    // that reads or changes the tables of segments and garbage itself.
    Result<void> flush();
    // Called at the end of all calls, after flush(): copies counters, sessions, info and clock to
    // the State. Inodes, entries and orphans belong to the State from the beginning (see
    // write_back()).
    void settle();

    // Reports that the database lacks a row that it should have: EIO, and the transaction must not
    // commit.
    Error damage(std::string what);
    // Whether a fault, rather than an answer, occurred since the transaction began.
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
    // Removes inline data without a report of its own.
    Result<void> remove_inline(Inode& inode);

    // Reports to the observer. Without an observer these functions do nothing and read nothing.
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
    std::map<Ino, std::optional<Inode>> found_;  // inodes as the call found them; only if observed
    std::set<Ino> changed_inodes_;               // subset of found_
};

}  // namespace flexfs::meta
