// Rewrites blocks that many small writes have left in many pieces, with as few pieces as possible,
// in the background. It never waits for memory: if there is none for a block, the block is tried
// again later.
#pragma once

#include <map>

#include "lib/cache/chunk_cache.h"
#include "lib/cache/packer.h"
#include "lib/vfs/nodes.h"
#include "lib/vfs/session.h"

namespace flexfs::vfs {

class Compactor {
public:
    // All parameters must outlive this object.
    Compactor(Loop& loop, Session& session, Nodes& nodes, cache::Packer& packer,
              cache::ChunkCache& chunks, cache::Budget& budget);

    // Records that block `idx` of the inode has `extents` extents. The block is compacted when it
    // has too many and was not written for a while, or at once when it has far too many.
    void note(Ino ino, std::uint64_t idx, std::size_t extents);
    std::size_t waiting() const { return noted_.size(); }
    // Compacts all noted blocks now. Returns the first error; ENOBUFS: no memory is available at
    // the moment.
    Task<void> run_all();
    // Ends all running tasks.
    Task<void> close() { return scope_.close(); }

private:
    struct Block {
        Ino ino = 0;
        std::uint64_t idx = 0;
        auto operator<=>(const Block&) const = default;
    };
    struct Noted {
        Duration last{};  // by the loop's clock: when the block was last noted
        bool urgent = false;
    };
    // The present extents of a block, and the pieces that replace them.
    struct Plan {
        wire::Compact request;
        std::size_t first_piece = 0, pieces = 0;
    };

    std::vector<Block> due(Duration quiet);
    Task<void> run();
    Task<void> compact(std::vector<Block> blocks);
    Task<bool> read(Block block, Plan& plan, std::vector<cache::Piece>& pieces);
    void try_later(const Block& block);

    Loop& loop_;
    Session& session_;
    Nodes& nodes_;
    cache::Packer& packer_;
    cache::ChunkCache& chunks_;
    cache::Budget& budget_;
    std::map<Block, Noted> noted_;
    task::WaitList came_;
    Scope scope_;
};

}  // namespace flexfs::vfs
