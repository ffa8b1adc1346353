// Takes dirty data to the store and the metadata service. It leaves when it is old, when whole
// blocks are there, when memory runs short, and when somebody asks. What is due of many files goes
// into one segment and one commit; the objects are durable before the commit that leads to them.
//
// What cannot be written back stays dirty and is tried again, with growing pauses; nothing is lost
// but with the process, or where what is stored of the file turns out to be damaged. Meanwhile who
// would have to wait for memory gets the error instead.
#pragma once

#include <deque>
#include <list>

#include "lib/cache/frames.h"
#include "lib/cache/packer.h"
#include "lib/task/scope.h"
#include "lib/vfs/batch.h"
#include "lib/vfs/compactor.h"
#include "lib/vfs/nodes.h"
#include "lib/vfs/session.h"

namespace flexfs::vfs {

class Flusher {
public:
    // All of them must outlive it.
    Flusher(Loop& loop, Session& session, Nodes& nodes, cache::Budget& budget,
            cache::Packer& packer, cache::Frames& frames, Compactor& compactor,
            const Options& options);
    ~Flusher();

    // A file has new dirty data in `range`.
    void wrote(Node& node, Range range);
    // Ends when all that is dirty of the file now is committed, and with `durable` also when that,
    // and every change of it that was answered before, is synced. The error that kept it from that.
    // What other files have that is as old as `company_age` goes along.
    Task<void> flush(NodeRef node, bool durable, Duration company_age = {});
    // Ends when no commit of the file is unanswered.
    Task<void> settled(NodeRef node);
    // Everything that was answered up to `stamp` is durable when this ends.
    Task<void> sync(std::uint64_t stamp);
    // Some of what was unsent is gone without having been sent.
    void dropped(Node& node);
    // Tells the access times in the end, many at once.
    void accessed(Node& node, Time when);
    // The access time was set otherwise.
    void forget_access(Ino ino);

    // Writes back everything, durably. On an error the rest stays dirty, and may be tried again.
    Task<void> drain();
    // Nobody has a file open any more: what has no name is not kept.
    void drop_orphans();
    // Ends what is under way: what is not written back by now is given up.
    Task<void> close();

    // Not committed yet.
    std::uint64_t dirty_bytes() const { return budget_.dirty(); }
    // For how long the oldest dirty data has been waiting.
    Duration oldest() const;

private:
    bool start_batch(Node* first, bool durable, Duration age_min = {});
    bool start_full_blocks();
    void launch(Batch batch);
    void learn_if_unknown(Node& node);
    void unqueue(Node& node);
    void start_what_is_due();

    Task<void> run(Batch batch);
    Task<void> commit(Batch& batch, const cache::Packed* packed);
    Task<void> in_turn(const Batch& batch);
    void succeeded(Batch& batch, Batch::Part& part, const wire::InodeCommit& change,
                   std::uint64_t first_seq);
    void failed(Batch::Part& part, int code);
    void returned(Batch::Part& part);
    Task<void> learn(NodeRef node);
    void trouble(const Error& error);
    void worked();

    Task<void> tick();
    void start_old();
    Task<void> tell_access_times();
    void press();

    Loop& loop_;
    Session& session_;
    Nodes& nodes_;
    cache::Budget& budget_;
    cache::Packer& packer_;
    cache::Frames& frames_;
    Compactor& compactor_;
    const Options& options_;
    std::uint64_t batch_bytes_;

    std::list<NodeRef> queue_;                            // files with dirty data, the oldest first
    std::deque<std::pair<NodeRef, std::uint64_t>> full_;  // blocks that became wholly dirty
    std::uint64_t flying_ = 0;                            // bytes in batches
    unsigned batches_ = 0;
    unsigned learning_ = 0;      // files of which the server is asked what it has
    std::uint64_t durable_ = 0;  // the stamp up to which everything is synced
    std::unordered_map<Ino, Time> accessed_;
    Duration accessed_since_{};

    struct {
        int code = 0;
        Duration pause{}, until{};
    } trouble_;
    task::WaitList dirtied_;
    task::WaitList landed_;  // a batch has ended, or a file is learned
    Scope scope_;
    std::unique_ptr<cache::Budget::Reclaimer> reclaimer_;
};

}  // namespace flexfs::vfs
