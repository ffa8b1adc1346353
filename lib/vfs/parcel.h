// The data that a client writes back together, with one segment and one commit.
#pragma once

#include <vector>

#include "lib/cache/packer.h"
#include "lib/vfs/nodes.h"

namespace flexfs::vfs {

struct Parcel {
    // The data of one file in the parcel.
    struct Part {
        NodeRef node;
        Unsent::Ticket flight;
        Duration dirty_since{};       // by the loop's clock
        std::size_t first_piece = 0;  // index in `pieces`; inline data has no pieces
        std::size_t pieces = 0;
    };

    std::vector<Part> parts;
    std::vector<cache::Piece> pieces;
    std::uint64_t bytes = 0;
    std::uint64_t bytes_max = 0;
    std::size_t inline_bytes = 0;
    bool durable = false;
    Duration dirty_since{};  // of the oldest part

    bool has_room() const;
};

// Moves dirty data of the file into a new flight, as far as the parcel has room. Returns false if
// nothing was moved: the parcel is full, or the data must wait until another flight of the file
// ends or until the stored data of the file is known.
bool gather(Parcel& parcel, Nodes& nodes, Node& node, const wire::VolumeInfo& volume);
// The same for one block, which must be completely dirty; returns false if it no longer is.
bool gather_block(Parcel& parcel, Nodes& nodes, Node& node, std::uint64_t idx);

// A commit, and the index in the parcel of the part that each of its inodes belongs to.
struct ParcelCommit {
    wire::Commit request;
    std::vector<std::size_t> parts;
};
// Builds the commit of everything in the parcel in its present state: bytes that were removed from
// a file since they were gathered are left out. `packed` is null if there is no segment. Parts
// whose files are gone are left out. The data of small files is compressed with the volume's
// compression.
ParcelCommit make_commit(Parcel& parcel, const cache::Packed* packed,
                         wire::Compression compression);

}  // namespace flexfs::vfs
