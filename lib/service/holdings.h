// Who holds which grant: tables without behaviour. All of it is in memory and bounded; what a
// restart loses, clients ask for again.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "lib/wire/messages.h"

namespace flexfs::service {

using wire::Ino;
using wire::SessionId;

// Shared grants by inode, the least recently given ones last. Session ids are never used again, so
// those of ended sessions may stay until their inode goes.
class SharedHoldings {
public:
    struct Item {
        Ino ino = 0;
        std::vector<SessionId> holders;
    };

    void add(Ino ino, SessionId session);
    // Empty: nobody.
    const std::vector<SessionId>& holders(Ino ino) const;
    void erase(Ino ino);
    std::size_t size() const { return items_.size(); }
    // Takes out what was given longest ago.
    std::optional<Item> pop_oldest();

private:
    std::list<Item> items_;
    std::unordered_map<Ino, std::list<Item>::iterator> by_ino_;
};

// Exclusive grants, as ranges of inode numbers: a session alone creates inodes one after the other,
// and all it ever created is one range.
class ExclusiveHoldings {
public:
    // 0: nobody.
    SessionId holder(Ino ino) const;
    // Nobody else may hold it.
    void add(Ino ino, SessionId session);
    void remove(Ino ino);
    void end(SessionId session);
    std::size_t ranges() const { return ranges_.size(); }
    // Everything between the first and the last becomes the session's, which must be the only one:
    // it holds then, as far as this table knows, more than it was told.
    void merge(SessionId session);
    // The first inode held after `ino`, in a circle; 0: none is held.
    Ino after(Ino ino) const;

private:
    struct Range {
        Ino last = 0;
        SessionId holder = 0;
    };
    std::map<Ino, Range> ranges_;  // by their first
};

// Which files several sessions keep writing. Times are those of the loop.
class Contests {
public:
    // While two sessions ask for one file's exclusive grant in turns, less than this apart, neither
    // gets it.
    static constexpr Duration window = std::chrono::seconds(2);
    static constexpr std::size_t files_max = 4096;  // more: those that began first are forgotten

    // The session wants the exclusive grant; `taken`: another holds it. True: it cannot have it.
    bool ask(Ino ino, SessionId session, bool taken, Duration now);
    // Whether several keep writing the file.
    bool contested(Ino ino, Duration now) const;
    std::size_t size() const { return files_.size(); }

private:
    struct File {
        SessionId last = 0;  // who asked last, and when
        Duration last_at{};
        Duration other_at{};  // when somebody else than that asked last
        unsigned turns = 0;   // how often the asker changed
    };
    void make_room(Duration now);
    std::map<Ino, File> files_;
};

}  // namespace flexfs::service
