// Reading: from unsent data, from memory, from the store; and ahead of readers that read in order.
//
// A read is one or more steps. Each reserves all the memory that it needs while it holds none, and
// only then pins and fetches; a read of many small or compressed frames, which would need too much
// at once, is copied together step by step.
#pragma once

#include "lib/cache/chunk_cache.h"
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
    std::uint64_t bytes = 0;   // of those reads
};

class Reader {
public:
    // All of them must outlive it.
    Reader(Session& session, Nodes& nodes, const NameCache& names, cache::ChunkCache& chunks,
           cache::Budget& budget, Compactor& compactor);

    // The bytes of `range`, which ends at the file's size at most. Also starts to fetch what the
    // reader will want next. EIO, logged, where a chunk is missing or damaged. `ahead` must outlive
    // the call. The caller must not hold memory of the budget.
    Task<std::vector<Buffer>> read(NodeRef node, Range range, ReadAhead& ahead);
    // Learns the server's extents of the blocks that the range touches.
    Task<void> learn_extents(NodeRef node, Range range);
    // Where the data, or else the hole, from `offset` on begins; size() where there is none. In
    // pages, as with Linux's own filesystems: one with a byte of data is data.
    Task<std::uint64_t> seek(NodeRef node, std::uint64_t offset, bool data);

private:
    // As File::next_data(), or else next_hole().
    Task<std::uint64_t> next(NodeRef node, std::uint64_t offset, bool data);
    Task<void> learn_blocks(NodeRef node, Range blocks, std::uint64_t ahead);
    // Where each byte of the range comes from. ENOENT: the extents were revoked at once.
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
    std::uint64_t step_bytes_max_;  // memory of the budget that one step takes, if it can be less
    Buffer zeros_;
    // Reading all of a damaged file fails many times; its path is looked up once.
    Ino complained_of_ = 0;
    std::string its_path_;
};

}  // namespace flexfs::vfs
