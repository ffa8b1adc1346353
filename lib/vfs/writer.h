// Writing: under the exclusive grant, bytes become dirty data; without it, they are sent at once.
#pragma once

#include "lib/vfs/quota.h"

namespace flexfs::vfs {

class Writer {
public:
    // All parameters must outlive this object.
    Writer(Session& session, Nodes& nodes, cache::Budget& budget, Flusher& flusher, Quota& quota)
        : session_(session), nodes_(nodes), budget_(budget), flusher_(flusher), quota_(quota) {}

    struct Request {
        std::uint64_t offset = 0;
        bool append = false;  // at the end of the file, wherever it is
        bool whole = false;   // write all of it or nothing
        bool within = false;  // write only what lies before the end of the file at that moment
        Loss loss = Loss::capability;
        Buffer data;
    };
    // Returns how many bytes were taken from the front of the data: fewer if the volume has no
    // space for more, or if the file ends with `within`. EFBIG; ENOSPC (the volume is full);
    // ENOSPC, EDQUOT or EIO if memory is full of data that cannot be written back. Also EIO if the
    // stored data of a small file is damaged; the file can be written again after it was emptied.
    Task<std::size_t> write(NodeRef node, Request request);
    // Asks for the exclusive grant and the stored data of the file, unless both are here. The
    // service may give a lesser grant. EIO: the file is damaged.
    Task<void> own(NodeRef node);

private:
    Task<void> own_range(NodeRef node, Request request);
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
