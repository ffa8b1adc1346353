// Writing: under the exclusive grant bytes become dirty data, without it they are sent at once.
#pragma once

#include "lib/vfs/quota.h"

namespace flexfs::vfs {

class Writer {
public:
    // All of them must outlive it.
    Writer(Session& session, Nodes& nodes, cache::Budget& budget, Flusher& flusher, Quota& quota)
        : session_(session), nodes_(nodes), budget_(budget), flusher_(flusher), quota_(quota) {}

    struct Request {
        std::uint64_t offset = 0;
        bool append = false;  // at the end of the file, wherever that is
        bool whole = false;   // all of it or nothing
        bool within = false;  // only what lies before the end of the file, whatever that is then
        Loss loss = Loss::capability;
        Buffer data;
    };
    // How many bytes it took from the front of the data: fewer where the volume has room for them
    // only, or the file ends. EFBIG; ENOSPC (the volume is full); ENOSPC, EDQUOT, EIO: memory is
    // full of what cannot be written back. EIO, too, where what is stored of a small file is
    // damaged: it can be written when it was emptied.
    Task<std::size_t> write(NodeRef node, Request request);
    // Asks for the exclusive grant and what the server has of the file, unless both are here. The
    // grant may turn out to be less. EIO: the file is damaged.
    Task<void> own(NodeRef node);

private:
    Task<Quota::Promise> room(NodeRef node, Request request);
    bool is_owned(const Node& node) const;
    void insert(Node& node, const Request& request, std::uint64_t offset, cache::Reservation memory,
                std::size_t capacity);

    Session& session_;
    Nodes& nodes_;
    cache::Budget& budget_;
    Flusher& flusher_;
    Quota& quota_;
};

}  // namespace flexfs::vfs
