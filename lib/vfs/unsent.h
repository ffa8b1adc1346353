// What was written to one regular file and is not committed yet. Bytes are dirty until a flight
// takes them to the store and the metadata service; the flight lands, or it fails and they are
// dirty again. The journal on a local disk attaches here: a span is journaled when it is written
// and released when the flight that carries it lands.
#pragma once

#include <list>
#include <vector>

#include "lib/vfs/appended.h"
#include "lib/vfs/layer.h"
#include "lib/wire/data_messages.h"

namespace flexfs::vfs {

// What unsent writes take away from their file (lib/wire/privileges.h): each includes those before
// it.
enum class Loss : std::uint8_t { none, capability, privileges, setgid_too };

// Data that left the dirty layer together and is committed together.
class Flight {
public:
    std::uint64_t id() const { return id_; }
    const Layer& data() const { return data_; }
    // The commit sets the whole file's bytes: content().
    bool is_inline() const { return is_inline_; }
    const Buffer& content() const { return content_; }
    // The commit moves what was inline to frames.
    bool clears_inline() const { return clears_inline_; }
    // The version of the inline data that the commit replaces or takes away.
    std::uint64_t inline_base() const { return inline_base_; }
    // From here on it belongs to the end of the file, which the service moves it to unless the
    // commit changes inline data; wire::no_append: none of it.
    std::uint64_t append_at() const { return append_at_; }
    bool is_moved() const {
        return append_at_ != wire::no_append && !is_inline_ && !clears_inline_;
    }
    // The commit is under way, with the time and the loss of all writes up to then. A time of 0:
    // another one was set since.
    bool is_sent() const { return sent_; }
    Time mtime() const { return mtime_; }
    Loss loss() const { return loss_; }
    // What was truncated or punched out of the file since the flight began.
    const std::vector<Range>& gone() const { return gone_; }

private:
    friend class Unsent;

    std::uint64_t id_ = 0;
    Layer data_;
    bool is_inline_ = false;
    Buffer content_;
    bool clears_inline_ = false;
    std::shared_ptr<Slab> lifted_;  // then: the bytes that were inline
    std::uint64_t inline_base_ = 0;
    std::uint64_t append_at_ = wire::no_append;
    bool sent_ = false;
    Time mtime_ = 0;
    Loss loss_ = Loss::none;
    std::vector<Range> gone_;
};

class Unsent {
public:
    // Names a flight until it has landed or failed.
    using Ticket = std::list<Flight>::const_iterator;

    const Layer& dirty() const { return dirty_; }
    // Oldest first; a later one lies over an earlier one, and the dirty layer over all.
    const std::list<Flight>& flights() const { return flights_; }
    bool empty() const { return dirty_.empty() && flights_.empty(); }
    // Where the last byte ends; 0 without any.
    std::uint64_t end() const;
    // At least this is taken away by unsent writes, those under way included.
    bool loses(Loss what) const;
    // By writes that no commit carries yet.
    Loss loss() const { return loss_; }
    // The time of the last unsent write; 0 without one.
    Time mtime() const;

    // --- writing ---
    void write(Span span, Time now, Loss loss);
    // As Layer::append(). False: nothing was done.
    bool append(std::uint64_t offset, ByteView data, Time now, Loss loss);
    // The next write of the range appends without the exclusive grant: its bytes belong to the end
    // of the file, wherever that is when they are committed.
    void expect_append(Range range) { appended_.add(range); }
    // Bytes that lie below all that is dirty: they were stored elsewhere, or were cut off by a
    // change that the service refused.
    void write_below(const Span& span) { dirty_.put_under(span); }

    // --- flights ---
    // The next flight can take bytes now. `changes_inline`: it sets or clears the inline data,
    // which is one whole, so that each version of it needs the outcome of the one before.
    bool can_take(bool changes_inline) const;
    bool has_appended() const { return !appended_.empty(); }
    // Moves appended bytes to where the file ends without them; what is stored ends at
    // `stored_end`. Only while there are no flights.
    void place_appended(std::uint64_t stored_end);
    // `inline_base`: the version of the inline data that is known.
    Ticket begin_flight(std::uint64_t inline_base = 0);
    // Sets appended bytes aside if there is other dirty data, which then leaves first; to be put
    // back after the flight was filled.
    std::vector<Span> set_appended_aside();
    void put_appended_back(std::vector<Span> aside);
    // Moves the dirty bytes of the range to the flight, which must be the newest; returns them.
    std::vector<Span> take(Ticket flight, Range range);
    void set_content(Ticket flight, Buffer content);
    // The bytes that were inline join the dirty ones, below them.
    void lift_inline(Ticket flight, Buffer stored);
    // Notes which of the bytes it took were appended.
    void filled(Ticket flight);
    // The commit leaves: it carries the time and the loss of all writes so far.
    void send(Ticket flight);
    // It was committed, or nobody can ever read it. Its memory is clean.
    void landed(Ticket flight) { drop_flight(flight); }
    // What was not written anew since is dirty again, with the time and the loss.
    void failed(Ticket flight);
    // How many flights have failed so far.
    std::uint64_t failures() const { return failures_; }
    // The id of the newest flight so far.
    std::uint64_t last_flight() const { return last_flight_; }
    // A commit that may change the file is unanswered.
    bool has_sent() const;

    // --- changes of the file by others than writes ---
    // The range is gone from all layers, and from what flights will commit. Returns the bytes, the
    // newest first, for write_below().
    std::vector<Span> drop(Range range);
    // All that is dirty is lost, with its time and loss.
    void give_up();
    // A later time is being set, which no commit may undo. Returns the time of writes that no
    // commit carries, for restore_time(); 0 without.
    Time forget_times();
    // The time was not set after all.
    void restore_time(Time mtime) {
        if (mtime_ == 0) mtime_ = mtime;
    }
    // The service took the privileges away with another change of the file.
    void clear_loss() { loss_ = Loss::none; }
    // The mode was set after the writes so far: they take no more than the capability away.
    void keep_mode() { loss_ = std::min(loss_, Loss::capability); }

private:
    std::list<Flight>::iterator at(Ticket flight) { return flights_.erase(flight, flight); }
    void drop_flight(Ticket flight);
    void touch(Time now, Loss loss);

    Layer dirty_;
    Appended appended_;  // parts of dirty_
    std::list<Flight> flights_;
    std::uint64_t last_flight_ = 0;
    std::uint64_t failures_ = 0;
    Time mtime_ = 0;  // of writes that no commit carries; 0: none
    Loss loss_ = Loss::none;
};

}  // namespace flexfs::vfs
