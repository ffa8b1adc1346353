// What leaves a client together: one segment, one commit.
#pragma once

#include <vector>

#include "lib/cache/packer.h"
#include "lib/vfs/nodes.h"

namespace flexfs::vfs {

struct Batch {
    // What one file has in it.
    struct Part {
        NodeRef node;
        std::list<Flight>::iterator flight;
        std::size_t first_piece = 0;  // of `pieces`; none for inline data
        std::size_t pieces = 0;
        std::vector<Span> spans;  // the memory of its data
    };

    std::vector<Part> parts;
    std::vector<cache::Piece> pieces;
    std::uint64_t bytes = 0;
    std::uint64_t bytes_max = 0;
    std::size_t inline_bytes = 0;
    bool durable = false;

    bool has_room() const;
};

// Moves dirty data of the file into a flight of its own, as far as the batch has room. False where
// nothing was taken: the batch is full, or the data must wait for a flight of the same file to end,
// or for what the server has of the file to be known.
bool gather(Batch& batch, Nodes& nodes, Node& node, const wire::VolumeInfo& volume);
// The same for one block, which must be wholly dirty; false where it is not (any more).
bool gather_block(Batch& batch, Nodes& nodes, Node& node, std::uint64_t idx);

// The commit of everything in the batch, as it is to be now: what was cut off its files since it
// was gathered stays away. `packed` is null without a segment. Parts whose files are gone are left
// out; `which` tells the part of each inode in it. Small files' data is compressed as the volume
// has it.
wire::Commit make_commit(Batch& batch, const cache::Packed* packed, wire::Compression compression,
                         std::vector<std::size_t>& which);

}  // namespace flexfs::vfs
