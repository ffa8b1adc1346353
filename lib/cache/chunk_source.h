// Fetches chunks from the store, and checks and decodes them. Chunks that lie close together in a
// segment are fetched with one request.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "lib/cache/frame_part.h"
#include "lib/loop/loop.h"
#include "lib/object/store.h"
#include "lib/task/sync.h"

namespace flexfs::cache {

// The order of chunks in the store.
std::tuple<wire::SegmentId, std::uint64_t, std::uint64_t> place_of(const ChunkAt& at);

class ChunkSource {
public:
    // `volume` as in block::segment_key(). At most `gets_max` requests run at a time. The arguments
    // must outlive the source.
    ChunkSource(Loop& loop, object::Store& store, std::string volume, unsigned gets_max);

    // Divides chunks into groups, each in the order of its positions, that one request can fetch:
    // chunks of one segment, of `bytes_max` together at most unless it is a single chunk.
    static std::vector<std::vector<ChunkAt>> group(std::vector<ChunkAt> chunks,
                                                   std::uint64_t bytes_max);
    // Returns the stored bytes of each chunk of a group. ENOENT: the segment does not exist;
    // ERANGE: it ends before the last chunk does; otherwise the error of the store.
    Task<std::vector<Buffer>> load(const std::vector<ChunkAt>& group);
    // Returns the data of each chunk of a group, or the error of that chunk: those of load(), and
    // of decode(). If the segment is too short for one of them, the others are fetched one by one.
    Task<std::vector<Result<Buffer>>> fetch(const std::vector<ChunkAt>& group);
    // Returns the data of a chunk from its stored bytes; it shares their memory if the chunk is not
    // compressed. EIO with a description if the chunk is damaged. May be called in the pool.
    Result<Buffer> decode(const Buffer& stored, const ChunkAt& at) const;
    // The number of requests that could start at once.
    std::size_t free() const { return gets_.free(); }

private:
    std::string key_of(wire::SegmentId segment) const;
    Task<std::vector<Result<Buffer>>> decode_all(const std::vector<ChunkAt>& group,
                                                 std::vector<Buffer> stored);
    Task<std::vector<Result<Buffer>>> fetch_one_by_one(const std::vector<ChunkAt>& group);

    Loop& loop_;
    object::Store& store_;
    std::string volume_;
    task::Semaphore gets_;
};

}  // namespace flexfs::cache
