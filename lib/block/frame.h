// Frames: the form in which a piece of one block of a file is stored. A 48-byte header, then what
// holds the data. Everything here is synchronous and thread-safe; large inputs belong in offload().
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
//       11      3  where in its block the data begins
//       14      6  index of the block in its file
//       20     12  nonce of the cipher; zeros without one
//       32      8  inode
//       40      8  check: XXH3-64 of header bytes 0 to 39, followed by the body as stored (whole)
//       or
//                  by the table (chunked)
//
// A whole frame goes on with one body: the data, or the data compressed. Only older programs wrote
// it. A chunked frame goes on with a table of 12 bytes for each chunk,
//
//        0      3  bytes of the chunk's body
//        3      1  its codec, as in lib/block/chunk.h
//        4      8  XXH3-64 of the body
//
// then with the chunks (lib/block/chunk.h), one after the other. So header and table are verified
// without the chunks, each chunk without the others, and the check binds all of them.
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
inline constexpr std::size_t chunk_entry_bytes = 12;  // of the table
inline constexpr std::size_t decoded_bytes_max = 8 << 20;
inline constexpr std::size_t chunks_max = decoded_bytes_max / chunk_bytes;
inline constexpr std::size_t frame_bytes_max =
    header_bytes + chunks_max * (chunk_entry_bytes + chunk_tail_bytes) + decoded_bytes_max;

// Which bytes of which file: those of block `idx` from `off` on.
struct FrameInfo {
    Ino ino = 0;
    std::uint64_t idx = 0;  // below 2^48
    std::uint32_t off = 0;  // bytes, below 8 MiB
    bool operator==(const FrameInfo&) const = default;
};

struct EncodedFrame {
    FrameInfo info;
    Buffer header;             // of a chunked frame, with the table
    std::vector<Buffer> body;  // slices of the input where it is stored uncompressed
    std::uint64_t check = 0;
    std::uint32_t stored = 0;   // bytes, header included
    std::uint32_t decoded = 0;  // bytes
    std::string chunks;         // chunk_list()
};

// The pieces, one after the other, together 1 byte to decoded_bytes_max, as one chunked frame. A
// chunk is compressed when that saves a sixteenth or more; a frame of which samples do not compress
// is not tried.
EncodedFrame encode_frame(FrameInfo info, std::vector<Buffer> pieces, Compression compression);

// What the header says. Not verified against what follows it.
struct FrameHeader {
    FrameInfo info;
    FrameForm form = FrameForm::whole;
    std::uint8_t codec = 0, cipher = 0;
    std::uint32_t body = 0, decoded = 0;  // bytes; body: after the header
    std::uint64_t check = 0;

    std::uint32_t chunks() const { return (decoded + chunk_bytes - 1) / chunk_bytes; }
    // Of a chunked frame: header and table.
    std::size_t table_end() const { return header_bytes + chunks() * chunk_entry_bytes; }
};

// EIO, with what is wrong, unless it is a header this version can read.
Result<FrameHeader> parse_header(ByteView bytes);

// The bodies of a chunked frame's chunks, 0 where one is not compressed, as chunk_list() takes
// them. `bytes` begin with the frame's header and table. EIO, with what is wrong, unless both are
// undamaged: this is what makes a bucket readable without its database.
Result<std::vector<std::uint32_t>> parse_table(ByteView bytes);

// The data of a whole or chunked frame, as get() brought it: a slice of `stored` where that is one
// uncompressed piece. EIO, with what is wrong, unless all of it is undamaged and the one whose
// check is expected.
Result<Buffer> decode_frame(Buffer stored, std::uint64_t check);

}  // namespace flexfs::block
