// The volume's limit of bytes, enforced by a client that sends its data later: a write that was
// accepted must still fit when it is committed.
//
// The count is an upper bound of what the volume holds once everything unsent is committed.
// Deletions, and data that is never sent, make it too high; therefore, when the volume seems full,
// everything dirty is written back and the service is asked for its count. Only then does the count
// include what other clients wrote.
#pragma once

#include "lib/vfs/flusher.h"
#include "lib/vfs/reader.h"

namespace flexfs::vfs {

class Quota {
public:
    // Sends the releases of deleted inodes that the service keeps for this client.
    using Release = std::function<Task<void>()>;

    // All parameters must outlive this object.
    Quota(Session& session, Flusher& flusher, Reader& reader, Release release);

    // Space for the first `bytes` bytes of a write. `cost` of them lie where the file has no data
    // and no reserved space.
    struct Promise {
        std::size_t bytes = 0;
        std::uint64_t cost = 0;
    };
    Promise take(const File& file, Range range);
    // Returns the space of a write that did not take place.
    void give_back(const Promise& promise);
    // Called when there seems to be no space: learns what is stored in the range, writes back
    // everything unsent, and asks the service how much the volume holds.
    Task<void> recount_after_flush(NodeRef node, Range range);
    // Announces that an operation other than a write will fill the volume by at most this many
    // bytes. If there seems to be no space for them, everything unsent is written back when this
    // returns, so that the service can decide.
    Task<void> expect(NodeRef node, std::uint64_t bytes);
    // The same for space that is to be reserved for the range, in whole pages.
    Task<void> expect_room(NodeRef node, Range range);
    // Returns what the volume holds including unsent data, if the service counts `used`.
    std::uint64_t spent(std::uint64_t used) const;

private:
    void promise(std::uint64_t bytes);
    std::uint64_t left() const { return max_ - std::min(spent_, max_); }

    Session& session_;
    Flusher& flusher_;
    Reader& reader_;
    Release release_;
    std::uint64_t max_;                 // 0: no limit
    std::uint64_t spent_ = UINT64_MAX;  // the upper bound; UINT64_MAX: not known yet
    std::uint64_t promised_ = 0;        // bytes promised since the current recount began
    task::Mutex counting_;
};

}  // namespace flexfs::vfs
