// Chunks: the pieces of a frame that are compressed and checked one by one, so that a reader can
// fetch any of them alone.
//
// Each chunk of a frame holds chunk_bytes of the frame's data; the last holds the rest. As stored,
// a chunk is its body, which is the data itself or the compressed data, and a tail of 12 bytes,
// little endian:
//
//   offset  bytes
//        0      3  bytes of the data: 1 to chunk_bytes
//        3      1  codec of the body: 0 none, 1 lz4 block, 2 zstd frame
//        4      8  seal: XXH3-64 of the frame's check (8 bytes), the number of the chunk in its
//                  frame (4), tail bytes 0 to 3, and the XXH3-64 of the body (8)
//
// The seal binds the chunk to one place in one frame: an intact chunk of another frame, or another
// chunk of the same frame, is rejected.
//
// With a cipher, the body is a nonce of 12 bytes, the ciphertext of the compressed data and a tag
// of 16 bytes; the number of the chunk is associated data. The tail stays as it is, so that damage
// is detected without a key.
#pragma once

#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/base/result.h"

namespace flexfs::block {

inline constexpr std::size_t chunk_bytes = 64 << 10;
inline constexpr std::size_t chunk_tail_bytes = 12;

// Identifies a chunk of a frame.
struct ChunkId {
    std::uint64_t check = 0;  // the frame's
    std::uint32_t number = 0;
};

// Computes the seal of a chunk whose tail begins with the 4 bytes at `tail`.
std::uint64_t chunk_seal(ChunkId id, const std::byte* tail, std::uint64_t body_hash);

// Returns the data of a chunk from its stored bytes, tail included; the result is a slice of
// `stored` if the chunk is not compressed. EIO with a description if the chunk is damaged or is not
// the expected one.
Result<Buffer> decode_chunk(const Buffer& stored, ChunkId id);

}  // namespace flexfs::block
