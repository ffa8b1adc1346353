// The inodes without a name, each with the sessions that may have it open. As with inodes
// (inodes.h), changes that are not in the database yet are in memory: most orphans are released
// before they would be written.
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "lib/meta/statements.h"
#include "lib/wire/messages.h"

namespace flexfs::meta {

using wire::Ino;
using wire::SessionId;

class Orphans {
public:
    // All holders of an inode are added in one call, when it loses its last name.
    void add(Ino ino, SessionId session);
    Result<void> erase(Statements& st, Ino ino, SessionId session);
    // Returns an empty list if the inode is not an orphan.
    Result<std::vector<SessionId>> holders(Statements& st, Ino ino) const;
    // Counts add() and erase().
    std::uint64_t changes() const { return changes_; }

    // As with Inodes.
    Result<void> write(Statements& st);
    void clear() { added_.clear(); }

private:
    std::set<std::pair<Ino, SessionId>> added_;  // not in the database
    std::uint64_t changes_ = 0;
};

}  // namespace flexfs::meta
