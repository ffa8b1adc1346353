// The data of one regular file that was written and is not committed yet. Bytes are dirty until a
// flight takes them to the store and the metadata service. When the flight lands they are clean;
// when it fails they are dirty again. A journal on a local disk would attach here: it would record
// a span when it is written and release it when the flight that carries it lands.
#pragma once

#include <list>
#include <vector>

#include "lib/vfs/appended.h"
#include "lib/vfs/layer.h"
#include "lib/wire/fate.h"

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
    // All data was appended, from this offset on, and the service moves it to the end of the file;
    // wire::no_append: it stays where it is.
    std::uint64_t append_at() const { return append_at_; }
    bool is_moved() const { return append_at_ != wire::no_append; }
    // The size that the file must have when the commit is executed, because appended data is placed
    // by it; wire::any_size: there is no such data.
    std::uint64_t expected_size() const {
        return appended_.empty() || is_moved() ? wire::any_size : base_size_;
    }
    // Whether the commit cannot but be refused, because this client has changed the file since, or
    // an earlier flight has failed.
    bool is_outdated() const {
        return expected_size() == wire::size_never || inline_base_ == wire::inline_version_never;
    }
    // Whether the commit was sent. It carries the time and the loss of all writes up to then. The
    // time is 0 if another one was set since.
    bool is_sent() const { return sent_; }
    Time mtime() const { return mtime_; }
    Loss loss() const { return loss_; }
    // The ranges that were truncated or punched out of the file since the flight began.
    const RangeSet& gone() const { return gone_; }

private:
    friend class Unsent;

    std::uint64_t id_ = 0;
    Layer data_;
    bool is_inline_ = false;
    Buffer content_;
    bool clears_inline_ = false;
    std::shared_ptr<Slab> lifted_;  // with clears_inline_: the bytes that were inline
    std::uint64_t inline_base_ = 0;
    Appended appended_;  // ranges of data_
    Appended doubtful_;  // those that an earlier commit may have stored
    std::uint64_t append_at_ = wire::no_append;
    std::uint64_t base_size_ = 0;  // the file's size without this flight and those after it
    bool sent_ = false;
    Time mtime_ = 0;
    Loss loss_ = Loss::none;
    RangeSet gone_;
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

    void write(Span span, Time now, Loss loss);
    // As Layer::append(). Returns false if nothing was done.
    bool append(std::uint64_t offset, ByteView data, Time now, Loss loss);
    // Notes that the bytes of the range, which are written in the same step, are appended. Their
    // place is certain if the exclusive grant is held.
    void note_append(Range range, bool is_certain) {
        floats_ = floats() || !is_certain;
        appended_.add(range);
    }
    bool has_appended() const;
    // Whether there are appended bytes whose place is not certain, because other clients may have
    // changed the size of the file since. They are committed at its end, wherever that is.
    bool floats() const { return floats_ && has_appended(); }
    // Whether some of the dirty ones are shown in the range for now.
    bool floats_in(Range range) const { return floats() && appended_.overlaps(range); }
    // The exclusive grant is lost: the place of all appended bytes is no longer certain. Those that
    // may be stored already are discarded, because they would be stored twice; then returns true.
    bool lose_places();

    // Whether the next flight can take bytes now. `changes_inline`: the flight sets or clears the
    // inline data. Inline data is replaced as a whole, so each version of it needs the outcome of
    // the previous one.
    bool can_take(bool changes_inline) const;
    // If the place of appended bytes is not certain, moves them to the end of the other data; the
    // stored data ends at `stored_end`. With `is_certain` they stay there, because the exclusive
    // grant is held again. Does nothing while there are flights.
    void place_appended(std::uint64_t stored_end, bool is_certain);
    // `inline_base`: the known version of the inline data; `stored_end`: where the stored data
    // ends.
    Ticket begin_flight(std::uint64_t inline_base = 0, std::uint64_t stored_end = 0);
    // Sets appended bytes without a certain place aside if there is other dirty data, which is then
    // sent first. They must be put back after the flight was filled.
    std::vector<Span> set_appended_aside();
    void put_appended_back(std::vector<Span> aside);
    // Returns where a flight of about that many dirty bytes ends. Another client may append between
    // two flights of bytes without a certain place, so such a flight contains whole writes.
    std::uint64_t end_of_flight(std::uint64_t bytes) const;
    // Moves the dirty bytes of the range to the flight, which must be the newest, and returns them.
    std::vector<Span> take(Ticket flight, Range range);
    void set_content(Ticket flight, Buffer content);
    // Adds the bytes that were inline below the dirty ones.
    void lift_inline(Ticket flight, Buffer stored);
    // The flight has all its bytes. If they are appended ones without a certain place, the service
    // is to move them, unless the flight changes inline data.
    void filled(Ticket flight);
    // Marks the commit as sent: it carries the time and the loss of all writes so far.
    void send(Ticket flight);
    // The flight was committed, or its file can never be read again. Its memory is clean.
    void landed(Ticket flight) { drop_flight(flight); }
    // Makes the flight's data dirty again, with its time and loss, except where it was overwritten
    // since. `fate`: unknown if the commit may have been executed. Then appended bytes without a
    // certain place are discarded, because they would be stored twice; in this case returns true.
    bool failed(Ticket flight, wire::Fate fate = wire::Fate::refused);
    // Counts the flights that have failed.
    std::uint64_t failures() const { return failures_; }
    // The id of the newest flight so far.
    std::uint64_t last_flight() const { return last_flight_; }
    // Whether a commit that may change the file is unanswered.
    bool has_sent() const;

    // The bytes that drop() has removed, the newest first, and those of them that were appended.
    struct Removed {
        std::vector<Span> spans;
        Appended appended;
    };
    // Removes the range from all layers, and from what flights will commit.
    Removed drop(Range range);
    // The file is given this size before anything is sent again.
    void resized(std::uint64_t size);
    // Puts the bytes below everything that is dirty, because the service has refused the change.
    // The place of appended ones is certain if the exclusive grant is held.
    void restore(const Removed& removed, bool is_certain);
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
    std::vector<Span> take_doubtful();

    Layer dirty_;
    Appended appended_;    // ranges of dirty_
    Appended doubtful_;    // those that a commit may have stored
    bool floats_ = false;  // see floats(); it may be set when nothing is appended
    std::list<Flight> flights_;
    std::uint64_t last_flight_ = 0;
    std::uint64_t failures_ = 0;
    Time mtime_ = 0;  // of writes that no commit carries; 0: none
    Loss loss_ = Loss::none;
};

}  // namespace flexfs::vfs
