// An open directory: its listing, page by page, in the order of the names' hashes. A change while
// it is read makes it neither miss nor repeat a name that is there all the time.
#pragma once

#include <vector>

#include "lib/vfs/nodes.h"
#include "lib/vfs/session.h"

namespace flexfs::vfs {

class Directory {
public:
    Directory(Session& session, Nodes& nodes, Ino ino)
        : session_(session), nodes_(nodes), ino_(ino) {}
    Ino ino() const { return ino_; }

    // As Filesystem::readdir().
    Task<std::vector<Listed>> read(std::uint64_t cookie, bool plus);

private:
    // Whether the page at hand goes on after the cookie, with what is there now.
    bool goes_on(std::uint64_t cookie, bool plus) const;
    Task<void> fetch(std::uint64_t after, bool plus);
    Task<Ino> parent();
    Task<Listed> list(wire::DirEntry entry, bool plus);

    Session& session_;
    Nodes& nodes_;
    Ino ino_;
    // The page at hand: what the service answered after the cookie `after_`.
    std::vector<wire::DirEntry> page_;
    bool has_page_ = false;
    std::uint64_t after_ = 0;
    std::uint64_t asked_ = 0;    // the last stamp when the page was asked for
    NodeRef folder_;             // itself, from the first page on
    std::uint64_t changes_ = 0;  // its changes when the page was asked for
    bool plus_ = false;
    bool end_ = false;
    Grant grant_ = Grant::none;
    std::size_t taken_ = 0;   // entries given out last time, from
    std::size_t from_ = 0;    // here
    std::size_t chunk_ = 32;  // how many at a time, as the reader seems to use them
};

}  // namespace flexfs::vfs
