// Reads from unsent data, from memory and from the store, and reads ahead of sequential readers.
//
// A read consists of one or more steps. Each step reserves all the memory that it needs while it
// holds none, and only then pins and fetches. A read of many small or compressed frames, which
// would need too much memory at once, is copied step by step into one buffer.
#pragma once

#include "lib/cache/chunk_cache.h"
#include "lib/vfs/compactor.h"
#include "lib/vfs/names.h"
#include "lib/vfs/nodes.h"
#include "lib/vfs/session.h"

namespace flexfs::vfs {

// The read pattern of one handle.
struct ReadAhead {
    std::uint64_t next = 0;    // where the last read ended
    std::uint64_t until = 0;   // end of the range that is fetched or being fetched
    std::uint64_t window = 0;  // bytes to read ahead; 0: no read-ahead
    unsigned in_order = 0;     // number of consecutive sequential reads
    std::uint64_t bytes = 0;   // bytes of those reads
};

class Reader {
public:
    // All parameters must outlive this object.
    Reader(Session& session, Nodes& nodes, const NameCache& names, cache::ChunkCache& chunks,
           cache::Budget& budget, Compactor& compactor);

    // Returns the bytes of `range`, which ends at the file's size at most. Also starts read-ahead.
    // Fails with EIO, which is logged, if a chunk is missing or damaged. `ahead` must outlive the
    // call. The caller must not hold memory of the budget.
    Task<std::vector<Buffer>> read(NodeRef node, Range range, ReadAhead& ahead);
    // Learns the server's extents of the blocks that the range touches.
    Task<void> learn_extents(NodeRef node, Range range);
    // Returns where the data (or the hole, if `data` is false) from `offset` on begins; size() if
    // there is none. As in Linux's own filesystems the unit is a page: a page with a byte of data
    // is data.
    Task<std::uint64_t> seek(NodeRef node, std::uint64_t offset, bool data);

    // Counts the reads that failed with EIO.
    std::uint64_t failures() const { return failures_; }

private:
    // As File::next_data() or, if `data` is false, next_hole().
    Task<std::uint64_t> next(NodeRef node, std::uint64_t offset, bool data);
    Task<void> learn_blocks(NodeRef node, Range blocks, std::uint64_t ahead);
    // Returns where each byte of the range must be read from. ENOENT: the extents were revoked as
    // soon as they were learned.
    Task<std::vector<Source>> sources(NodeRef node, Range range);
    Task<std::vector<Buffer>> read_once(NodeRef node, Range range, ReadAhead* ahead);
    Task<std::vector<Buffer>> read_in_steps(NodeRef node, Range range);
    std::vector<Buffer> assemble(std::vector<Source> sources, std::vector<Buffer> fetched);
    void look_ahead(const File& file, ReadAhead& state, Range range, bool waited);
    Buffer zeros(std::uint64_t bytes);
    void complain(const Node& node, const Error& why);

    Session& session_;
    Nodes& nodes_;
    const NameCache& names_;
    cache::ChunkCache& chunks_;
    cache::Budget& budget_;
    Compactor& compactor_;
    std::uint64_t window_max_;
    std::uint64_t step_bytes_max_;  // memory of the budget for one step, unless it needs more
    Buffer zeros_;
    std::uint64_t failures_ = 0;
    // Reading all of a damaged file fails many times; its path is looked up once.
    Ino complained_of_ = 0;
    std::string its_path_;
};

}  // namespace flexfs::vfs
