// Tables of the grants that sessions hold. They have no behaviour, live in memory and are bounded;
// clients ask again for grants that a restart of the server loses.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "lib/wire/messages.h"

namespace flexfs::service {

using wire::Ino;
using wire::SessionId;

// Shared grants by inode, in the order in which they were given. Ids of ended sessions are removed
// in steps, because one session may hold a grant on every inode. Session ids are never reused, so
// nothing is wrong with those that are still there.
class SharedHoldings {
public:
    struct Item {
        Ino ino = 0;
        std::vector<SessionId> holders;
    };

    void add(Ino ino, SessionId session);
    // Returns an empty list if no session holds the inode.
    const std::vector<SessionId>& holders(Ino ino) const;
    void erase(Ino ino);
    // The number of inodes, and of grants on them, including those of ended sessions that are not
    // removed yet.
    std::size_t size() const { return items_.size(); }
    std::size_t grants() const { return grants_; }
    // Removes the inode whose grant was given longest ago and returns it.
    std::optional<Item> pop_oldest();
    // The session has ended and is never added again.
    void end(SessionId session);
    // Removes ids of ended sessions from up to `items` inodes; cheap if there are none.
    void sweep(std::size_t items);

private:
    using Items = std::list<Item>;
    void remove_ended(Item& item);
    void erase(Items::iterator item);

    Items items_;
    std::size_t grants_ = 0;
    std::set<SessionId> ended_;    // being removed: inodes before next_ do not have these ids
    std::set<SessionId> waiting_;  // ended since then
    Items::iterator next_ = items_.end();
    std::unordered_map<Ino, std::list<Item>::iterator> by_ino_;
};

// Exclusive grants, as ranges of inode numbers: a session that is alone creates inodes with
// consecutive numbers, so everything it ever created is one range.
class ExclusiveHoldings {
public:
    // Returns the session that holds the inode, or 0.
    SessionId holder(Ino ino) const;
    // No other session may hold the inode.
    void add(Ino ino, SessionId session);
    void remove(Ino ino);
    void end(SessionId session);
    std::size_t ranges() const { return ranges_.size(); }
    // Gives the session, which must be the only one, everything between the first and the last
    // inode it holds. This table then says that it holds more than the session was told.
    void merge(SessionId session);
    // Returns the first held inode after `ino`, wrapping around at the end; 0 if none is held.
    Ino after(Ino ino) const;

private:
    struct Range {
        Ino last = 0;
        SessionId holder = 0;
    };
    std::map<Ino, Range> ranges_;  // by the first inode
};

// Records files that several sessions write by turns. Times are those of the loop.
class Contests {
public:
    // While two sessions ask for one file's exclusive grant alternately, less than this apart,
    // neither gets it.
    static constexpr Duration window = std::chrono::seconds(2);
    static constexpr std::size_t files_max = 4096;  // beyond that, the least recent are dropped

    // The session asks for the exclusive grant; `taken` says whether another session holds it.
    // Returns true if the request must be denied.
    bool ask(Ino ino, SessionId session, bool taken, Duration now);
    // True while several sessions write the file by turns.
    bool contested(Ino ino, Duration now) const;
    std::size_t size() const { return files_.size(); }

private:
    struct File {
        SessionId last = 0;  // the session that asked last, and the time
        Duration last_at{};
        Duration other_at{};  // the last time another session asked
        unsigned turns = 0;   // the number of times the asking session changed
    };
    void make_room(Duration now);
    std::map<Ino, File> files_;
};

}  // namespace flexfs::service
