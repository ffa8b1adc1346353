// The form in which the data of a small file travels to the metadata and lies there. It is a blob
// that only clients read: one byte for the form, the length of the data in 3 bytes and, where the
// form has it, the lower half of the data's XXH3-64 in 4 bytes, all little endian; then the data as
// the form says.
//
//     1, 2     lz4 block, zstd frame, without a checksum: no longer written
//     168      the data as it is, with a checksum
//     169, 170 lz4 block, zstd frame, with a checksum
#pragma once

#include "lib/base/bytes.h"
#include "lib/base/result.h"
#include "lib/wire/types.h"

namespace flexfs::block {

// Shorter data is not compressed: it lies in one page of the database with much else.
inline constexpr std::size_t small_bytes_min = 128;

// Compresses the data if that saves a sixteenth. `data` has at most wire::inline_bytes_max bytes;
// the result is at most 8 bytes longer, and empty if `data` is. It takes some microseconds for each
// KiB on the calling thread, which is nothing to wait for with one file; callers must bound how
// many they pack at once.
Buffer pack_small(ByteView data, wire::Compression compression);

// EIO, with what is wrong, unless pack_small() may have made it.
Result<Buffer> unpack_small(Buffer packed);

}  // namespace flexfs::block
