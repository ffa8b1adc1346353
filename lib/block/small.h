// The form in which the data of a small file is sent to the metadata service and stored there. It
// is a blob that only clients read: one byte for the form, the length of the data in 3 bytes and,
// if the form has it, the lower half of the data's XXH3-64 in 4 bytes, all little endian; then the
// data in that form.
//
//     1, 2     lz4 block, zstd frame, without a checksum: no longer written
//     168      uncompressed data, with a checksum
//     169, 170 lz4 block, zstd frame, with a checksum
#pragma once

#include "lib/base/bytes.h"
#include "lib/base/result.h"
#include "lib/wire/types.h"

namespace flexfs::block {

// Shorter data is not compressed: it shares a page of the database with many other rows anyway.
inline constexpr std::size_t small_bytes_min = 128;

// Compresses the data if that saves a sixteenth. `data` has at most wire::inline_bytes_max bytes.
// The result is at most 8 bytes longer than `data`, and empty if `data` is. The call takes some
// microseconds per KiB on the calling thread, which is negligible for one file; callers must bound
// how many files they pack at once.
Buffer pack_small(ByteView data, wire::Compression compression);

// EIO with a description if pack_small() cannot have made it.
Result<Buffer> unpack_small(Buffer packed);

}  // namespace flexfs::block
