// Takes dirty data to the store and the metadata service. It leaves when it is old, when whole
// blocks are there, when memory runs short, and when somebody asks. What is due of many files goes
// into one segment and one commit; the objects are durable before the commit that leads to them.
//
// What cannot be written back stays dirty and is tried again, with growing pauses. It is lost only
// with the process, or if what is stored of the file turns out to be damaged.
#pragma once

#include "lib/vfs/accesses.h"
#include "lib/vfs/commits.h"

namespace flexfs::vfs {

class Flusher {
public:
    // All of them must outlive it.
    Flusher(Loop& loop, Session& session, Nodes& nodes, cache::Budget& budget,
            cache::Packer& packer, cache::ChunkCache& chunks, Compactor& compactor,
            const Options& options);
    ~Flusher();

    // A file has new dirty data in `range`.
    void wrote(Node& node, Range range);
    // Ends when all that is dirty of the file now is committed, and with `durable` also when that,
    // and every change of it that was answered before, is synced. The error that kept it from that.
    // What other files have that is as old as `company_age` goes along.
    Task<void> flush(NodeRef node, bool durable, Duration company_age = {});
    // Ends when no commit of the file is unanswered.
    Task<void> settle(NodeRef node);
    // Everything that was answered up to `stamp` is durable when this ends.
    Task<void> sync(std::uint64_t stamp) { return commits_.sync(stamp); }
    // Unsent data of the file may be gone without having been sent.
    void dropped(Node& node) { dirty_.recheck(node); }
    Accesses& accesses() { return accesses_; }

    // Writes back everything, durably. On an error the rest stays dirty, and may be tried again.
    Task<void> drain();
    // Nobody has a file open any longer: what has no name is not kept.
    void drop_orphans();
    // Ends what is under way. What is not written back by then is given up.
    Task<void> close();

    // Not committed yet.
    std::uint64_t dirty_bytes() const { return budget_.dirty(); }
    // For how long the oldest dirty data has been waiting.
    Duration oldest() const { return dirty_.oldest(); }
    WriteBackTrouble trouble() const { return trouble_.report(); }

private:
    bool start_parcel(Node* first, bool durable, Duration age_min = {});
    bool start_full_blocks();
    void launch(Parcel parcel);
    bool may_start() const;
    void start_what_is_due();
    void start_old();
    void press();
    Task<void> tick();

    Loop& loop_;
    Session& session_;
    Nodes& nodes_;
    cache::Budget& budget_;
    const Options& options_;
    std::uint64_t parcel_bytes_;

    task::WaitList came_;   // something to be sent
    task::WaitList ended_;  // a parcel, or an answer about a file
    bool closing_ = false;
    DirtyFiles dirty_;
    Trouble trouble_;
    Learner learner_;
    Commits commits_;
    Accesses accesses_;
    Scope scope_;
    std::unique_ptr<cache::Budget::Reclaimer> reclaimer_;
};

}  // namespace flexfs::vfs
