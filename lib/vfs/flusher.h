// Writes dirty data back to the store and the metadata service. Data is written back when it is
// old, when whole blocks are dirty, when memory runs short, and on request. Due data of many files
// goes into one segment and one commit; the objects are durable before the commit that refers to
// them, and the commit is durable soon after.
//
// Data that cannot be written back stays dirty and is retried with growing pauses. It is lost only
// with the process, or if the stored data of the file turns out to be damaged.
#pragma once

#include "lib/vfs/accesses.h"
#include "lib/vfs/age_watch.h"
#include "lib/vfs/commits.h"

namespace flexfs::vfs {

class Flusher {
public:
    // All parameters must outlive this object.
    Flusher(Loop& loop, Session& session, Nodes& nodes, cache::Budget& budget,
            cache::Packer& packer, cache::ChunkCache& chunks, Compactor& compactor,
            const Options& options);
    ~Flusher();

    // Records new dirty data of the file in `range`.
    void wrote(Node& node, Range range);
    // Commits all data of the file that is dirty now. With `durable`, also syncs it and every
    // change of the file that was answered before. Fails with the error that prevented this. Dirty
    // data of other files that is older than `company_age` is written back along with it.
    Task<void> flush(NodeRef node, bool durable, Duration company_age = {});
    // Waits until no commit of the file is unanswered, and tries to store appended data whose place
    // is not certain. Call it before bytes are removed from the file.
    Task<void> settle(NodeRef node);
    // The same, and stores all appended data. Call it before a request that may extend the file:
    // the place of such data depends on the file's size.
    Task<void> settle_appended(NodeRef node);
    // When this returns, everything that was answered up to `stamp` is durable.
    Task<void> sync(std::uint64_t stamp) { return commits_.sync(stamp); }
    // Whether it is known that everything that was answered up to `stamp` is durable.
    bool is_durable(std::uint64_t stamp) const { return commits_.is_durable(stamp); }
    // Call it when unsent data of the file may have been discarded without being sent.
    void dropped(Node& node) { dirty_.recheck(node); }
    Accesses& accesses() { return accesses_; }

    // Writes back everything, durably. After an error the rest stays dirty and may be retried.
    Task<void> drain();
    // Call it when no file is open any longer: discards the data of files that have no name.
    void drop_orphans();
    // Ends all running tasks. Data that is not written back by then is discarded.
    Task<void> close();

    // Whether all data of the file that was written here is durable, as far as is known.
    bool is_stored(const Node& node) const {
        return !node.file()->has_unsent() && is_durable(nodes_.data_changed_at(&node));
    }
    // Writes back, by and by, what is dirty now, even while there is trouble.
    void retry();
    // Calls `function` for each file with dirty data, the oldest first.
    template <class F>
    void each_dirty(F&& function) const {
        for (const DirtyFiles::Entry& entry : dirty_.all()) function(std::as_const(*entry.node));
    }
    // Bytes that are not committed yet.
    std::uint64_t dirty_bytes() const { return budget_.dirty(); }
    // Bytes that were committed.
    std::uint64_t bytes_stored() const { return commits_.bytes_landed(); }
    // For how long the oldest data that is not committed yet has been waiting.
    Duration oldest() const;
    const AgeWatch& ages() const { return ages_; }
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
    Task<void> watch_ages();
    Task<void> sync_changes();

    Loop& loop_;
    Session& session_;
    Nodes& nodes_;
    cache::Budget& budget_;
    const Options& options_;
    std::uint64_t parcel_bytes_;

    task::WaitList came_;   // woken when there is something to send
    task::WaitList ended_;  // woken when a parcel has ended or an answer about a file has arrived
    bool closing_ = false;
    DirtyFiles dirty_;
    Trouble trouble_;
    Learner learner_;
    Commits commits_;
    Accesses accesses_;
    AgeWatch ages_;
    Scope scope_;
    std::unique_ptr<cache::Budget::Reclaimer> reclaimer_;
};

}  // namespace flexfs::vfs
