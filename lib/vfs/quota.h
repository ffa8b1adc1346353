// The volume's limit of bytes, kept by a client that sends its data later: what a write was
// promised must still fit when it is committed.
//
// It counts what the volume holds at most once everything unsent is committed. Deletions, and data
// that is never sent, make that too much: when the volume seems full, all that is dirty is written
// back and the service asked. What other clients write it learns only then.
#pragma once

#include "lib/vfs/flusher.h"
#include "lib/vfs/reader.h"

namespace flexfs::vfs {

class Quota {
public:
    // Makes the service forget now what was deleted, as far as it waits for this client.
    using Release = std::function<Task<void>()>;

    // All of them must outlive it.
    Quota(Session& session, Flusher& flusher, Reader& reader, Release release);

    // Room for so many bytes of a write, from its front; `cost` of them lie where the file had
    // nothing.
    struct Promise {
        std::size_t bytes = 0;
        std::uint64_t cost = 0;
    };
    Promise take(const File& file, Range range);
    // The write is not done after all.
    void give_back(const Promise& promise);
    // When there seems to be no room: learns what is stored in the range, and counts anew.
    Task<void> look(NodeRef node, Range range);
    // Something else than a write is going to fill the volume, by so many bytes at most. Where it
    // has no room for them all that is unsent is stored when this ends, so that the service's word
    // on it is the right one.
    Task<void> expect(NodeRef node, std::uint64_t bytes);
    // The same for room that is to be kept for the range, in whole pages.
    Task<void> expect_room(NodeRef node, Range range);
    // What the volume holds together with what is unsent, where the service says `used`.
    std::uint64_t spent(std::uint64_t used) const;

private:
    void promise(std::uint64_t bytes);
    std::uint64_t left() const { return max_ - std::min(spent_, max_); }

    Session& session_;
    Flusher& flusher_;
    Reader& reader_;
    Release release_;
    std::uint64_t max_;                 // 0: no limit
    std::uint64_t spent_ = UINT64_MAX;  // at most; UINT64_MAX: not known yet
    std::uint64_t promised_ = 0;        // since the count that is under way began
    task::Mutex counting_;
};

}  // namespace flexfs::vfs
