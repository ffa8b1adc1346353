// Reading: from what is unsent, from memory, from the store; and ahead of who reads in order.
#pragma once

#include "lib/cache/frames.h"
#include "lib/vfs/compactor.h"
#include "lib/vfs/names.h"
#include "lib/vfs/nodes.h"
#include "lib/vfs/session.h"

namespace flexfs::vfs {

// How one handle has read so far.
struct ReadAhead {
    std::uint64_t next = 0;    // where the last read ended
    std::uint64_t until = 0;   // what is fetched, or on its way, ends here
    std::uint64_t window = 0;  // bytes to have ahead of the reader; 0: it is not known to need any
    unsigned in_order = 0;     // reads so far that began where the one before ended
};

class Reader {
public:
    // All of them must outlive it.
    Reader(Session& session, Nodes& nodes, const Names& names, cache::Frames& frames,
           cache::Budget& budget, Compactor& compactor);

    // Bytes of `range`, which ends at the file's size at most, and on their way what the reader
    // will want next. EIO, logged, where a frame is missing or damaged. `ahead` lives meanwhile.
    Task<std::vector<Buffer>> read(NodeRef node, Range range, ReadAhead& ahead);
    // What the server has of the blocks that the range touches is known when this ends.
    Task<void> learn_extents(NodeRef node, Range range);
    // Where the data, or else the hole, from `offset` on begins; size() where there is none. In
    // pages, as with Linux's own filesystems: one with a byte of data is data.
    Task<std::uint64_t> seek(NodeRef node, std::uint64_t offset, bool data);

private:
    // As File::next_data(), or else next_hole().
    Task<std::uint64_t> next(NodeRef node, std::uint64_t offset, bool data);
    Task<void> learn_blocks(NodeRef node, Range blocks, std::uint64_t ahead);
    Task<std::vector<Buffer>> gather(NodeRef node, std::vector<Source> sources);
    void look_ahead(const File& file, ReadAhead& state, Range range, bool waited);
    Buffer zeros(std::uint64_t bytes);
    void complain(const Node& node, const Error& why);

    Session& session_;
    Nodes& nodes_;
    const Names& names_;
    cache::Frames& frames_;
    Compactor& compactor_;
    std::uint64_t window_max_;
    Buffer zeros_;
    // Who reads all of a damaged file fails many times.
    Ino complained_of_ = 0;
    std::string its_path_;
};

}  // namespace flexfs::vfs
