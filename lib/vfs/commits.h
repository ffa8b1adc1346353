// Commits and their outcomes. Writes parcels to the store, sends them to the metadata service, and
// applies each file's answer to the file. Proxy routing would attach where a parcel is packed:
// pieces that take different routes would go into different segments.
#pragma once

#include <functional>
#include <set>
#include <unordered_map>

#include "lib/cache/chunk_cache.h"
#include "lib/task/scope.h"
#include "lib/vfs/compactor.h"
#include "lib/vfs/dirty_files.h"
#include "lib/vfs/learner.h"
#include "lib/vfs/parcel.h"
#include "lib/vfs/session.h"
#include "lib/vfs/trouble.h"

namespace flexfs::vfs {

class Commits {
public:
    struct Parts {
        Session& session;
        Nodes& nodes;
        cache::Packer& packer;
        cache::ChunkCache& chunks;
        Compactor& compactor;
        DirtyFiles& dirty;
        Trouble& trouble;
        Learner& learner;
    };
    // `ended` is called after each parcel, whether it succeeded or not. All parameters must outlive
    // this object.
    Commits(Parts parts, std::function<void()> ended) : parts_(parts), ended_(std::move(ended)) {}

    // Starts the commit of the parcel. The flights of its files stay open until the commit has
    // ended.
    void start(Parcel parcel);
    unsigned under_way() const { return under_way_; }
    std::uint64_t bytes_under_way() const { return bytes_; }
    // Returns since when the oldest data under way has been dirty; Duration::max() if there is
    // none.
    Duration since() const { return since_.empty() ? Duration::max() : *since_.begin(); }
    // Counts the bytes that were committed.
    std::uint64_t bytes_landed() const { return bytes_landed_; }

    // While it exists, commits of the file are durable when they are answered.
    class DurableDemand {
    public:
        DurableDemand(Commits& commits, NodeRef node);
        DurableDemand(const DurableDemand&) = delete;
        DurableDemand& operator=(const DurableDemand&) = delete;
        ~DurableDemand();

    private:
        Commits& commits_;
        NodeRef node_;
    };

    // When this returns, everything that was answered up to `stamp` (Nodes::next_stamp()) is
    // durable.
    Task<void> sync(std::uint64_t stamp);
    bool is_durable(std::uint64_t stamp) const { return stamp <= durable_; }
    // Ends all running commits.
    Task<void> close() { return scope_.close(); }

private:
    Task<void> run(Parcel parcel);
    Task<void> in_turn(const Parcel& parcel);
    Task<void> commit(Parcel& parcel, const cache::Packed* packed, std::uint64_t replacements);
    Task<wire::Committed> send(const wire::Commit& request, const cache::Packed* packed);
    void apply(Parcel& parcel, const ParcelCommit& commit, const wire::Committed& reply,
               std::uint64_t stamp);
    // The answer to one inode's part of a commit: the seq of its first extent or the version of its
    // inline data, and where the file ends. `is_late`: something was learned about the file since
    // the commit was sent, and it may be newer.
    struct Answer {
        std::uint64_t first_seq = 0;
        std::uint64_t end = 0;
        bool is_late = false;
    };
    void succeeded(Parcel& parcel, const Parcel::Part& part, const wire::InodeCommit& change,
                   Answer answer);
    void landed(const Parcel& parcel, const Parcel::Part& part);
    void keep_chunks(Parcel& parcel, const Parcel::Part& part, const wire::InodeCommit& change);
    void refused(const Parcel::Part& part, int code, Result<void>& worst);
    void failed(const Parcel::Part& part, int code, wire::Fate fate = wire::Fate::refused);
    void ended(const Parcel::Part& part);
    bool is_durable_demanded(const Parcel& parcel) const;

    Parts parts_;
    std::function<void()> ended_;
    unsigned under_way_ = 0;
    std::uint64_t bytes_ = 0;
    std::multiset<Duration> since_;  // of each parcel under way
    std::uint64_t bytes_landed_ = 0;
    std::uint64_t durable_ = 0;                  // the stamp up to which everything is synced
    std::unordered_map<Ino, unsigned> demands_;  // the number of DurableDemands per inode
    // Counts consecutive refusals of flights that were based on outdated data. The count starts
    // anew if the service had new data in between, because then another client was faster.
    class Mismatches {
    public:
        // Returns the number of consecutive refusals without new data.
        unsigned add(const Stored& known) {
            const auto now = std::pair(known.inline_version(), known.size());
            count_ = std::exchange(known_, now) == now ? count_ + 1 : 1;
            return count_;
        }

    private:
        unsigned count_ = 0;
        std::pair<std::uint64_t, std::uint64_t> known_;
    };
    std::unordered_map<Ino, Mismatches> mismatches_;
    Scope scope_;
};

}  // namespace flexfs::vfs
