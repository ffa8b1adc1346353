// What a client holds of one regular file's data: what was written and is not sent yet, what is on
// its way, and what it knows of what is stored.
#pragma once

#include <list>
#include <optional>

#include "lib/cache/frames.h"
#include "lib/task/wait.h"
#include "lib/vfs/extent_map.h"
#include "lib/vfs/layer.h"
#include "lib/wire/messages.h"

namespace flexfs::vfs {

// What unsent writes take away from their file (lib/wire/privileges.h); the last is both.
enum class Loss : std::uint8_t { none, capability, privileges };

// Data that left the dirty layer together and will be committed together.
struct Flight {
    std::uint64_t id = 0;
    Layer data;
    bool is_inline = false;     // the commit sets the whole file's bytes
    Buffer content;             // then: these
    bool clear_inline = false;  // the commit moves what was inline to frames
    bool sent = false;          // the commit is under way, and with it:
    Time mtime = 0;             // of the writes; 0: none, or another one was set since
    Loss loss = Loss::none;
    std::vector<Range> gone;  // what was truncated or punched out of the file since it left
};

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

struct File {
    explicit File(std::uint32_t block) : block_bytes(block), extents(block) {}

    std::uint32_t block_bytes;
    Layer dirty;
    std::list<Flight> flights;  // oldest first; a later one lies over an earlier one
    std::uint64_t last_flight = 0;
    bool inline_known = false;  // `inline_data` is what the server has; empty: it has none
    Buffer inline_data;         // plain
    ExtentMap extents;
    std::uint64_t committed_size = 0;  // as the server knows it
    Time mtime = 0;                    // of unsent writes; 0: none
    Loss loss = Loss::none;            // by unsent writes
    Duration dirty_since{};            // by the loop's clock
    unsigned durable_waiters = 0;      // who waits until what is on its way is durable
    bool learning = false;             // the server is asked what it has, for the flusher
    std::uint64_t returned = 0;        // flights that were refused as made for other data (EAGAIN)
    unsigned refusals = 0;             // of them, those since one was accepted

    struct Failure {
        std::uint64_t count = 0;
        int code = 0;
    } failure;               // of writing back; each handle remembers the count it has told
    task::WaitList changed;  // flights ended, or failed

    bool has_unsent() const { return !dirty.empty() || !flights.empty(); }
    // What is unsent takes away at least this.
    bool loses(Loss what) const;
    // Where what is unsent ends; 0 without any.
    std::uint64_t unsent_end() const;
    // How many of the unsent bytes lie where nothing is stored nor room kept; about, where they are
    // in very many pieces.
    std::uint64_t unsent_gain() const;
    // With what is unsent.
    std::uint64_t size() const;
    // Where each byte of the range, which ends at size() at most, is to be read from. In order.
    std::vector<Source> sources(Range range) const;
    // How many bytes of the range are neither data, unsent or stored, nor have room kept for them.
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
    // The flight failed: what was not written anew since is dirty again.
    void put_back(std::list<Flight>::iterator flight);
    // Nothing that the server told of the data holds any more.
    void forget_stored();
    // The data of a small file, as an answer of the server has it. EIO: it is damaged; then nothing
    // is known any more.
    Result<void> learn_inline(const Buffer& data, std::uint32_t bytes);
    // An answer of the server about the file. `opened`: it answers an Open, and then tells all of
    // the file but, where they are many, the extents; others may tell the attributes alone. EIO: as
    // learn_inline().
    Result<void> learn(const wire::Entry& entry, bool opened);
    // It belongs into the metadata, as it is now.
    bool is_small(std::uint64_t bytes_max) const {
        return size() <= bytes_max && extents.knows_all() && extents.empty();
    }
    // What is dirty is lost, with the time and the loss it would have brought.
    void give_up();
    void fail_with(int code);

private:
    std::vector<Span> drop(Range gone);
    void forget_inline();
};

}  // namespace flexfs::vfs
