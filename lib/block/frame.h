// Frames: the form in which a piece of one block of a file is stored. A 48-byte header, then the
// body. Everything here is synchronous and thread-safe; what is large belongs in offload().
//
// The header, little endian:
//
//   offset  bytes
//        0      3  magic "FXF"
//        3      1  format: 1
//        4      1  codec (low 4 bits): 0 none, 1 lz4 block, 2 zstd frame;
//                  cipher (high 4 bits): 0 none
//        5      3  bytes of the body as stored
//        8      3  bytes of the data once decoded: 1 to 8 MiB
//       11      3  where in its block the data begins
//       14      6  index of the block in its file
//       20     12  nonce of the cipher; zeros without one
//       32      8  inode
//       40      8  check: XXH3-64 of header bytes 0 to 39 followed by the body as stored
//
// A cipher encrypts the body after compression, with header bytes 0 to 39 as associated data. The
// check is of what lies in the store, so that it can be verified without a key.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/result.h"
#include "lib/wire/types.h"

namespace flexfs::block {

using wire::Compression;
using wire::Ino;

inline constexpr std::size_t header_bytes = 48;
inline constexpr std::size_t decoded_bytes_max = 8 << 20;
inline constexpr std::size_t frame_bytes_max = header_bytes + decoded_bytes_max;

// Which bytes of which file: those of block `idx` from `off` on.
struct FrameInfo {
    Ino ino = 0;
    std::uint64_t idx = 0;  // below 2^48
    std::uint32_t off = 0;  // bytes, below 8 MiB
    bool operator==(const FrameInfo&) const = default;
};

struct EncodedFrame {
    FrameInfo info;
    Buffer header;
    std::vector<Buffer> body;  // the input itself where it is stored uncompressed
    std::uint64_t check = 0;
    std::uint32_t stored = 0;   // bytes, header included
    std::uint32_t decoded = 0;  // bytes
};

// The pieces, one after the other, together 1 byte to decoded_bytes_max, as one frame. Compressed
// when that saves a sixteenth or more; data that does not look like it is not tried in full.
EncodedFrame encode_frame(FrameInfo info, std::vector<Buffer> pieces, Compression compression);

// What the header says. Not verified against the body.
struct FrameHeader {
    FrameInfo info;
    std::uint8_t codec = 0, cipher = 0;
    std::uint32_t body = 0, decoded = 0;  // bytes
    std::uint64_t check = 0;
};

// EIO, with what is wrong, unless it is a header this version can read.
Result<FrameHeader> parse_header(ByteView bytes);

// The data of a whole frame, as get() brought it: a slice of `stored` where that is uncompressed.
// EIO, with what is wrong, unless it is undamaged and the one whose check is expected.
Result<Buffer> decode_frame(Buffer stored, std::uint64_t check);

}  // namespace flexfs::block
