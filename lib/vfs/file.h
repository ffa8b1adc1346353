// The data of one regular file that a client has: the unsent data, on top of what is known of the
// stored data.
#pragma once

#include <cerrno>

#include "lib/cache/frame_part.h"
#include "lib/task/wait.h"
#include "lib/vfs/stored.h"
#include "lib/vfs/unsent.h"

namespace flexfs::vfs {

// A part of a read: bytes in memory, bytes of a stored frame, or zeros (a hole or reserved space).
struct Source {
    enum class Kind { memory, frame, hole, unwritten, unknown };
    Kind kind = Kind::hole;
    Range range;           // in the file
    Buffer bytes;          // for `memory`
    cache::FrameAt frame;  // for `frame`: the data begins at `skip` in it
    std::uint32_t skip = 0;

    // Whether a write here uses space that the volume has not counted yet, as far as is known.
    bool is_new_room() const { return kind == Kind::hole || kind == Kind::unknown; }
};

// Errors of writing back. Each handle remembers the count that it has reported.
class WriteErrors {
public:
    void add(int code) {
        ++count_;
        code_ = code;
    }
    // The data is lost: it will not be sent again.
    void add_loss() {
        ++losses_;
        add(EIO);
    }
    // Restores the error that a handle of the previous process image has not reported yet; 0: there
    // is none. A handle that has reported everything continues at count 1, any other at 0.
    void take_over(int code) {
        count_ = 1;
        if (code != 0) code_ = code;
    }
    std::uint64_t count() const { return count_; }
    std::uint64_t losses() const { return losses_; }
    // Returns the errno of the last error.
    int code() const { return code_; }

private:
    std::uint64_t count_ = 0;
    std::uint64_t losses_ = 0;
    int code_ = 0;
};

class File {
public:
    explicit File(std::uint32_t block) : block_bytes(block), stored_(block) {}

    const std::uint32_t block_bytes;

    Unsent& unsent() { return unsent_; }
    const Unsent& unsent() const { return unsent_; }
    Stored& stored() { return stored_; }
    const Stored& stored() const { return stored_; }
    WriteErrors& errors() { return errors_; }
    const WriteErrors& errors() const { return errors_; }
    // Woken when a flight has landed or failed, and when a request that dirty data waits for has
    // been answered or has failed.
    task::WaitList& changed() { return changed_; }

    bool has_unsent() const { return !unsent_.empty(); }
    // Returns how many of the unsent bytes lie where nothing is stored and no space is reserved.
    // This is an estimate if they are in very many pieces.
    std::uint64_t unsent_gain() const;
    // The size including unsent data.
    std::uint64_t size() const { return std::max(stored_.size(), unsent_.end()); }
    // Learns the size that the service has. Appended bytes without a certain place move to that
    // end.
    void learn_size(std::uint64_t size);
    // Returns where each byte of the range must be read from, in order. The range ends at size() at
    // most.
    std::vector<Source> sources(Range range) const;
    // Returns how many bytes of the range have neither unsent data nor stored data nor reserved
    // space.
    std::uint64_t without_room(Range range) const;
    // The result of SEEK_DATA and SEEK_HOLE from `offset`; size() if there is no such place.
    // `unknown`: the extents from there on must be learned first.
    struct Place {
        std::uint64_t offset = 0;
        bool unknown = false;
    };
    Place next_data(std::uint64_t offset) const;
    Place next_hole(std::uint64_t offset) const;
    // Returns the blocks [first, last) that hold the range.
    Range blocks(Range range) const {
        return {range.first / block_bytes, (range.last + block_bytes - 1) / block_bytes};
    }
    // Gives the file that size: removes the bytes from there on, from the unsent data and from the
    // known stored data. Returns the unsent ones. No commit of the file may be unanswered.
    Unsent::Removed cut(std::uint64_t size);
    // Makes the range a hole, in the unsent data and in the known stored data; the size stays.
    // Returns the unsent bytes.
    Unsent::Removed punch(Range range);
    // Whether the file, as it is now, belongs in the metadata.
    bool is_small(std::uint64_t bytes_max) const { return stored_.fits_inline(size(), bytes_max); }

private:
    Unsent::Removed drop(Range gone);

    Unsent unsent_;
    Stored stored_;
    WriteErrors errors_;
    task::WaitList changed_;
};

}  // namespace flexfs::vfs
