// An open directory. It is listed page by page in the order of the names' hashes, so that a name
// that exists throughout the listing is listed exactly once, whatever else changes.
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
    // Whether the current page can continue after the cookie and nothing in the folder has changed
    // since.
    bool goes_on(std::uint64_t cookie, bool plus) const;
    Task<void> fetch(std::uint64_t after, bool plus);
    Task<Ino> parent();
    Task<Listed> list(wire::DirEntry entry, bool plus);

    Session& session_;
    Nodes& nodes_;
    Ino ino_;
    // The current page: the service's answer for the entries after the cookie `after_`.
    std::vector<wire::DirEntry> page_;
    bool has_page_ = false;
    std::uint64_t after_ = 0;
    std::uint64_t asked_ = 0;    // Nodes::last_stamp() when the page was requested
    NodeRef folder_;             // this directory, once the first page was read
    std::uint64_t changes_ = 0;  // its Node::changes() when the page was requested
    bool plus_ = false;
    bool end_ = false;
    Grant grant_ = Grant::none;
    std::size_t from_ = 0;    // index in the page of the first entry of the last answer
    std::size_t taken_ = 0;   // number of entries in the last answer
    std::size_t chunk_ = 32;  // entries per answer, adapted to how many the reader used
};

}  // namespace flexfs::vfs
