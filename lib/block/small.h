// The data of small files, as it travels to the metadata and lies there where that makes it
// shorter: an opaque blob. One byte of codec, 1 lz4 block or 2 zstd frame, and the length of the
// data in 3 bytes, little endian; then what was compressed.
#pragma once

#include "lib/base/bytes.h"
#include "lib/base/result.h"
#include "lib/wire/types.h"

namespace flexfs::block {

// Less than this is not tried: it lies in one page of the database with much else.
inline constexpr std::size_t small_bytes_min = 128;

// At most wire::inline_bytes_max. Empty where it would not save a sixteenth: then the data goes as
// it is. Takes some microseconds for each KiB, where it is called: one file's data is nothing to
// wait for, but who packs that of many at once has to bound it.
Buffer pack_small(ByteView data, wire::Compression compression);

// EIO, with what is wrong, unless pack_small() may have made it.
Result<Buffer> unpack_small(Buffer packed);

}  // namespace flexfs::block
