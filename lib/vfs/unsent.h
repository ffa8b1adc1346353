// The data of one regular file that was written and is not committed yet. Bytes are dirty until a
// flight takes them to the store and the metadata service. When the flight lands they are clean;
// when it fails they are dirty again. The journal on a local disk attaches here: a span is
// journaled when it is written and released when the flight that carries it lands.
#pragma once

#include <list>
#include <vector>

#include "lib/vfs/appended.h"
#include "lib/vfs/layer.h"
#include "lib/wire/data_messages.h"

namespace flexfs::vfs {

// The privileges that unsent writes take away from their file (lib/wire/privileges.h). Each value
// includes those before it.
enum class Loss : std::uint8_t { none, capability, privileges, setgid_too };

// Data that left the dirty layer together and is committed together.
class Flight {
public:
    std::uint64_t id() const { return id_; }
    const Layer& data() const { return data_; }
    // Whether the commit replaces the bytes of the whole file by content().
    bool is_inline() const { return is_inline_; }
    const Buffer& content() const { return content_; }
    // Whether the commit moves inline data to frames.
    bool clears_inline() const { return clears_inline_; }
    // The version of the inline data that the commit replaces or removes.
    std::uint64_t inline_base() const { return inline_base_; }
    // Data from this offset on belongs to the end of the file, and the service moves it there
    // unless the commit changes inline data; wire::no_append: there is no such data.
    std::uint64_t append_at() const { return append_at_; }
    bool is_moved() const {
        return append_at_ != wire::no_append && !is_inline_ && !clears_inline_;
    }
    // Whether the commit was sent. It carries the time and the loss of all writes up to then. The
    // time is 0 if another one was set since.
    bool is_sent() const { return sent_; }
    Time mtime() const { return mtime_; }
    Loss loss() const { return loss_; }
    // The ranges that were truncated or punched out of the file since the flight began.
    const std::vector<Range>& gone() const { return gone_; }

private:
    friend class Unsent;

    std::uint64_t id_ = 0;
    Layer data_;
    bool is_inline_ = false;
    Buffer content_;
    bool clears_inline_ = false;
    std::shared_ptr<Slab> lifted_;  // with clears_inline_: the bytes that were inline
    std::uint64_t inline_base_ = 0;
    std::uint64_t append_at_ = wire::no_append;
    bool sent_ = false;
    Time mtime_ = 0;
    Loss loss_ = Loss::none;
    std::vector<Range> gone_;
};

class Unsent {
public:
    // Identifies a flight until it has landed or failed.
    using Ticket = std::list<Flight>::const_iterator;

    const Layer& dirty() const { return dirty_; }
    // Oldest first. A later flight lies on top of an earlier one, and the dirty layer on top of
    // all.
    const std::list<Flight>& flights() const { return flights_; }
    bool empty() const { return dirty_.empty() && flights_.empty(); }
    // Returns where the last byte ends; 0 if there is none.
    std::uint64_t end() const;
    // Whether unsent writes, including those in flight, take away at least `what`.
    bool loses(Loss what) const;
    // The loss by writes that no commit carries yet.
    Loss loss() const { return loss_; }
    // The time of the last unsent write; 0 if there is none.
    Time mtime() const;

    // --- writing ---
    void write(Span span, Time now, Loss loss);
    // As Layer::append(). Returns false if nothing was done.
    bool append(std::uint64_t offset, ByteView data, Time now, Loss loss);
    // Announces that the next write of the range appends without the exclusive grant: its bytes
    // belong to the end of the file, wherever it is when they are committed.
    void expect_append(Range range) { appended_.add(range); }
    // Adds bytes below everything that is dirty: they were stored elsewhere, or were removed by a
    // change that the service refused.
    void write_below(const Span& span) { dirty_.put_under(span); }

    // --- flights ---
    // Whether the next flight can take bytes now. `changes_inline`: the flight sets or clears the
    // inline data. Inline data is replaced as a whole, so each version of it needs the outcome of
    // the previous one.
    bool can_take(bool changes_inline) const;
    bool has_appended() const { return !appended_.empty(); }
    // Moves appended bytes to the end of the other data; the stored data ends at `stored_end`. Must
    // not be called while there are flights.
    void place_appended(std::uint64_t stored_end);
    // `inline_base`: the known version of the inline data.
    Ticket begin_flight(std::uint64_t inline_base = 0);
    // Sets appended bytes aside if there is other dirty data, which is then sent first. They must
    // be put back after the flight was filled.
    std::vector<Span> set_appended_aside();
    void put_appended_back(std::vector<Span> aside);
    // Moves the dirty bytes of the range to the flight, which must be the newest, and returns them.
    std::vector<Span> take(Ticket flight, Range range);
    void set_content(Ticket flight, Buffer content);
    // Adds the bytes that were inline below the dirty ones.
    void lift_inline(Ticket flight, Buffer stored);
    // Notes which of the bytes that the flight took were appended.
    void filled(Ticket flight);
    // Marks the commit as sent: it carries the time and the loss of all writes so far.
    void send(Ticket flight);
    // The flight was committed, or its file can never be read again. Its memory is clean.
    void landed(Ticket flight) { drop_flight(flight); }
    // Makes the flight's data dirty again, with its time and loss, except where it was overwritten
    // since.
    void failed(Ticket flight);
    // Counts the flights that have failed.
    std::uint64_t failures() const { return failures_; }
    // The id of the newest flight so far.
    std::uint64_t last_flight() const { return last_flight_; }
    // Whether a commit that may change the file is unanswered.
    bool has_sent() const;

    // --- changes of the file other than writes ---
    // Removes the range from all layers, and from what flights will commit. Returns the bytes, the
    // newest first, for write_below().
    std::vector<Span> drop(Range range);
    // Discards all dirty data, with its time and loss.
    void give_up();
    // Called before a later time is set, which no commit may undo. Returns the time of writes that
    // no commit carries, for restore_time(); 0 if there is none.
    Time forget_times();
    // Called when the time was not set after all.
    void restore_time(Time mtime) {
        if (mtime_ == 0) mtime_ = mtime;
    }
    // Called when another change of the file took the privileges away at the service.
    void clear_loss() { loss_ = Loss::none; }
    // Called when the mode was set after the writes so far: they take away no more than the
    // capability.
    void keep_mode() { loss_ = std::min(loss_, Loss::capability); }

private:
    std::list<Flight>::iterator at(Ticket flight) { return flights_.erase(flight, flight); }
    void drop_flight(Ticket flight);
    void touch(Time now, Loss loss);

    Layer dirty_;
    Appended appended_;  // ranges of dirty_
    std::list<Flight> flights_;
    std::uint64_t last_flight_ = 0;
    std::uint64_t failures_ = 0;
    Time mtime_ = 0;  // of writes that no commit carries; 0: none
    Loss loss_ = Loss::none;
};

}  // namespace flexfs::vfs
