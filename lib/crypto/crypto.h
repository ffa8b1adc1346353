// Hashes and secrets.
#pragma once

#include "lib/base/bytes.h"

namespace flexfs::crypto {

// 32 bytes.
Buffer sha256(ByteView data);
// From the system's generator, fit for keys.
Buffer random_bytes(std::size_t count);
// Whether the bytes are the same, in a time that depends on their number alone.
bool equal_in_constant_time(ByteView a, ByteView b);

}  // namespace flexfs::crypto
