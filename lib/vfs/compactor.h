// Blocks that many small writes left in many pieces are written anew as one, in the background. It
// never waits for memory: a block that has no room at once is tried again later.
#pragma once

#include <map>

#include "lib/cache/chunk_cache.h"
#include "lib/cache/packer.h"
#include "lib/vfs/nodes.h"
#include "lib/vfs/session.h"

namespace flexfs::vfs {

class Compactor {
public:
    // All of them must outlive it.
    Compactor(Loop& loop, Session& session, Nodes& nodes, cache::Packer& packer,
              cache::ChunkCache& chunks, cache::Budget& budget);

    // Block `idx` of the inode is known to have `extents`. The block's turn comes when it has too
    // many and was left alone for a while, or when it has far too many.
    void note(Ino ino, std::uint64_t idx, std::size_t extents);
    std::size_t waiting() const { return noted_.size(); }
    // Does all that is noted, now. The first error; ENOBUFS: there is no memory for it at once.
    Task<void> run_all();
    // Ends what is under way.
    Task<void> close() { return scope_.close(); }

private:
    struct Block {
        Ino ino = 0;
        std::uint64_t idx = 0;
        auto operator<=>(const Block&) const = default;
    };
    struct Noted {
        Duration last{};  // by the loop's clock
        bool urgent = false;
    };
    // A block as it is, and as it is to be.
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
