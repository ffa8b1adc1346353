// One-shot compression. The codecs are numbered as in wire::Compression; the numbers are stored.
#pragma once

#include <cstddef>

#include "lib/base/bytes.h"
#include "lib/wire/types.h"

namespace flexfs::block {

using wire::Compression;

// Returns the number of bytes written to `out`, or 0 if the result does not fit or the codec does
// not compress.
std::size_t compress(Compression codec, ByteView in, MutableBytes out);

// Returns true if `in` decompresses to exactly the size of `out`. Safe with any input.
bool decompress(Compression codec, ByteView in, MutableBytes out);

// The longest compressed form that is worth storing: a sixteenth less than `bytes`. 0: none is.
inline std::size_t worthwhile(std::size_t bytes) {
    return bytes < 2 ? 0 : bytes - (bytes < 16 ? 1 : bytes / 16);
}

}  // namespace flexfs::block
