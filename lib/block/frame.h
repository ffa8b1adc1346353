// Frames: the form in which a piece of one block of a file is stored. A frame is a 48-byte header
// followed by the data. Everything here is synchronous and thread-safe; large inputs belong in
// offload().
//
// The header, little endian:
//
//   offset  bytes
//        0      3  magic "FXF"
//        3      1  format: 1 whole or 2 chunked (wire::FrameForm)
//        4      1  codec of a whole frame (low 4 bits): 0 none, 1 lz4 block, 2 zstd frame;
//                  cipher (high 4 bits): 0 none
//        5      3  bytes that follow the header
//        8      3  bytes of the data: 1 to 8 MiB
//       11      3  offset of the data in its block
//       14      6  index of the block in its file
//       20     12  nonce of the cipher; zeros without one
//       32      8  inode
//       40      8  check: XXH3-64 of header bytes 0 to 39 and of what follows the header: the
//                  body as stored (whole) or the table (chunked)
//
// In a whole frame the header is followed by one body: the data, or the compressed data. Only older
// programs wrote this form. In a chunked frame it is followed by a table of 12 bytes for each
// chunk,
//
//        0      3  bytes of the chunk's body
//        3      1  its codec, as in lib/block/chunk.h
//        4      8  XXH3-64 of the body
//
// and then by the chunks (lib/block/chunk.h), one after the other. So header and table can be
// verified without the chunks, each chunk can be verified without the others, and the check binds
// all of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/result.h"
#include "lib/block/chunk.h"
#include "lib/wire/types.h"

namespace flexfs::block {

using wire::Compression;
using wire::FrameForm;
using wire::Ino;

inline constexpr std::size_t header_bytes = 48;
inline constexpr std::size_t chunk_entry_bytes = 12;  // in the table
inline constexpr std::size_t decoded_bytes_max = 8 << 20;
inline constexpr std::size_t chunks_max = decoded_bytes_max / chunk_bytes;
inline constexpr std::size_t frame_bytes_max =
    header_bytes + chunks_max * (chunk_entry_bytes + chunk_tail_bytes) + decoded_bytes_max;

// The place of a frame's data in its file: block `idx`, from `off` on.
struct FrameInfo {
    Ino ino = 0;
    std::uint64_t idx = 0;  // below 2^48
    std::uint32_t off = 0;  // bytes, below 8 MiB
    bool operator==(const FrameInfo&) const = default;
};

struct EncodedFrame {
    FrameInfo info;
    Buffer header;             // includes the table of a chunked frame
    std::vector<Buffer> body;  // slices of the input where that is stored uncompressed
    std::uint64_t check = 0;
    std::uint32_t stored = 0;   // bytes, header included
    std::uint32_t decoded = 0;  // bytes
    std::string chunks;         // the result of chunk_list()
};

// Encodes the concatenated pieces, together 1 byte to decoded_bytes_max, as one chunked frame. A
// chunk is stored compressed if that saves at least a sixteenth. A frame whose samples do not
// compress is stored without trying.
EncodedFrame encode_frame(FrameInfo info, std::vector<Buffer> pieces, Compression compression);

// The contents of a header. They are not verified against the bytes that follow it.
struct FrameHeader {
    FrameInfo info;
    FrameForm form = FrameForm::whole;
    std::uint8_t codec = 0, cipher = 0;
    std::uint32_t body = 0, decoded = 0;  // bytes; the body follows the header
    std::uint64_t check = 0;

    std::uint32_t chunks() const { return (decoded + chunk_bytes - 1) / chunk_bytes; }
    // The length of a chunked frame's header and table together.
    std::size_t table_end() const { return header_bytes + chunks() * chunk_entry_bytes; }
};

// EIO with a description if it is not a header that this version can read.
Result<FrameHeader> parse_header(ByteView bytes);

// Returns the body lengths of a chunked frame's chunks, as chunk_list() takes them; 0 means
// uncompressed. `bytes` begins with the frame's header and table. EIO with a description if either
// is damaged. This makes a bucket readable without its database.
Result<std::vector<std::uint32_t>> parse_table(ByteView bytes);

// Returns the data of a whole or chunked frame from its stored bytes; the result is a slice of
// `stored` if the data is one uncompressed piece. EIO with a description if any of it is damaged or
// its check is not the expected one.
Result<Buffer> decode_frame(Buffer stored, std::uint64_t check);

}  // namespace flexfs::block
