// Hashes and secrets.
#pragma once

#include "lib/base/bytes.h"

namespace flexfs::crypto {

// Returns 32 bytes.
Buffer sha256(ByteView data);
// Returns bytes of the system's generator, fit for keys.
Buffer random_bytes(std::size_t count);
// Returns true if the bytes are equal, in a time that depends only on their number.
bool equal_in_constant_time(ByteView a, ByteView b);

}  // namespace flexfs::crypto
