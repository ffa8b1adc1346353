// One-shot compression. The numbers of the codecs are those of wire::Compression; they are stored.
#pragma once

#include <cstddef>

#include "lib/base/bytes.h"
#include "lib/wire/types.h"

namespace flexfs::block {

using wire::Compression;

// Bytes written to `out`; 0 where it does not fit, or there is no codec to do it.
std::size_t compress(Compression codec, ByteView in, MutableBytes out);

// Whether `in` was exactly what gives all of `out`. Safe with any input.
bool decompress(Compression codec, ByteView in, MutableBytes out);

// The longest that compressed data may be to be worth it: a sixteenth less. 0: it never is.
inline std::size_t worthwhile(std::size_t bytes) {
    return bytes < 2 ? 0 : bytes - (bytes < 16 ? 1 : bytes / 16);
}

}  // namespace flexfs::block
