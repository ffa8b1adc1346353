// The data of small files, as it travels to the metadata and lies there: an opaque blob.
// One byte of codec: 0 none, and the data follows; 1 lz4 block or 2 zstd frame, and the length of
// the data in 3 bytes, little endian, then what was compressed.
#pragma once

#include "lib/base/bytes.h"
#include "lib/base/result.h"
#include "lib/wire/types.h"

namespace flexfs::block {

inline constexpr std::size_t small_bytes_max = 64 << 10;
// A packed blob is at most this much longer than its data.
inline constexpr std::size_t small_overhead = 1;

// At most small_bytes_max. Compressed when that saves a sixteenth or more. Quick enough (a few
// microseconds for each KiB) to run where it is called.
Buffer pack_small(ByteView data, wire::Compression compression);

// EIO, with what is wrong, unless pack_small() may have made it.
Result<Buffer> unpack_small(Buffer packed);

}  // namespace flexfs::block
