// What a client holds of one regular file's data: what is unsent over what is stored.
#pragma once

#include "lib/cache/frame_part.h"
#include "lib/task/wait.h"
#include "lib/vfs/stored.h"
#include "lib/vfs/unsent.h"

namespace flexfs::vfs {

// A part of a read: bytes of memory, of a stored frame, or zeros: of a hole, or unwritten.
struct Source {
    enum class Kind { memory, frame, hole, unwritten, unknown };
    Kind kind = Kind::hole;
    Range range;           // in the file
    Buffer bytes;          // memory
    cache::FrameAt frame;  // frame: its data from `skip` on
    std::uint32_t skip = 0;

    // What is written there uses room that the volume did not count yet, as far as is known.
    bool is_new_room() const { return kind == Kind::hole || kind == Kind::unknown; }
};

// Errors of writing back. Each handle remembers the count that it has reported.
class WriteErrors {
public:
    void add(int code) {
        ++count_;
        code_ = code;
    }
    // What a handle that was open in the previous process image has not reported yet; 0: nothing.
    // One that has reported everything continues at 1, the other at 0.
    void take_over(int code) {
        count_ = 1;
        if (code != 0) code_ = code;
    }
    std::uint64_t count() const { return count_; }
    // The errno of the last one.
    int code() const { return code_; }

private:
    std::uint64_t count_ = 0;
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
    // Woken when a flight has landed or failed, and when what data waits for before it can leave
    // has come or failed to come.
    task::WaitList& changed() { return changed_; }

    bool has_unsent() const { return !unsent_.empty(); }
    // How many of the unsent bytes lie where nothing is stored and no space is reserved; an
    // estimate where they are in very many pieces.
    std::uint64_t unsent_gain() const;
    // With what is unsent.
    std::uint64_t size() const { return std::max(stored_.size(), unsent_.end()); }
    // Where each byte of the range, which ends at size() at most, is to be read from. In order.
    std::vector<Source> sources(Range range) const;
    // How many bytes of the range are neither data, unsent or stored, nor have space reserved.
    std::uint64_t without_room(Range range) const;
    // Where SEEK_DATA and SEEK_HOLE lead from `offset`; size() where there is none. `unknown`: the
    // extents from there on must be learned first.
    struct Place {
        std::uint64_t offset = 0;
        bool unknown = false;
    };
    Place next_data(std::uint64_t offset) const;
    Place next_hole(std::uint64_t offset) const;
    // Blocks [first, last) that hold the range.
    Range blocks(Range range) const {
        return {range.first / block_bytes, (range.last + block_bytes - 1) / block_bytes};
    }
    // Drops the bytes from `size` on, in memory and in what is known. Returns the unsent ones.
    std::vector<Span> cut(std::uint64_t size);
    // The range is a hole, in memory and in what is known; the size stays. Returns the unsent
    // bytes.
    std::vector<Span> punch(Range range);
    // It belongs into the metadata, as it is now.
    bool is_small(std::uint64_t bytes_max) const { return stored_.fits_inline(size(), bytes_max); }

private:
    std::vector<Span> drop(Range gone);

    Unsent unsent_;
    Stored stored_;
    WriteErrors errors_;
    task::WaitList changed_;
};

}  // namespace flexfs::vfs
