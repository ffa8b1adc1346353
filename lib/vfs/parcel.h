// What leaves a client together: one segment, one commit.
#pragma once

#include <vector>

#include "lib/cache/packer.h"
#include "lib/vfs/nodes.h"

namespace flexfs::vfs {

struct Parcel {
    // What one file has in it.
    struct Part {
        NodeRef node;
        Unsent::Ticket flight;
        Duration dirty_since{};       // by the loop's clock
        std::size_t first_piece = 0;  // of `pieces`; none for inline data
        std::size_t pieces = 0;
    };

    std::vector<Part> parts;
    std::vector<cache::Piece> pieces;
    std::uint64_t bytes = 0;
    std::uint64_t bytes_max = 0;
    std::size_t inline_bytes = 0;
    bool durable = false;

    bool has_room() const;
};

// Moves dirty data of the file into a flight of its own, as far as the parcel has room. False where
// nothing was taken: the parcel is full, or the data must wait for a flight of the same file to
// end, or for what the server has of the file to be known.
bool gather(Parcel& parcel, Nodes& nodes, Node& node, const wire::VolumeInfo& volume);
// The same for one block, which must be wholly dirty; false where it no longer is.
bool gather_block(Parcel& parcel, Nodes& nodes, Node& node, std::uint64_t idx);

// A commit, and which part of the parcel each of its inodes is.
struct ParcelCommit {
    wire::Commit request;
    std::vector<std::size_t> parts;
};
// The commit of everything in the parcel, as it is to be now: what was cut off its files since it
// was gathered stays away. `packed` is null without a segment. Parts whose files are gone are left
// out. Small files' data is compressed as the volume has it.
ParcelCommit make_commit(Parcel& parcel, const cache::Packed* packed,
                         wire::Compression compression);

}  // namespace flexfs::vfs
