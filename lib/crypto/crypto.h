// Hashes, signatures and secrets.
#pragma once

#include <span>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/result.h"

namespace flexfs::crypto {

// Returns 32 bytes.
Buffer sha256(ByteView data);
// Returns the hash of the concatenated pieces.
Buffer sha256(std::span<const Buffer> pieces);
// Returns 16 bytes: a checksum of the concatenated pieces, and no protection against an attacker.
Buffer md5(std::span<const Buffer> pieces);
// Returns 32 bytes (RFC 2104).
Buffer hmac_sha256(ByteView key, ByteView data);
// Returns an RSASSA-PKCS1-v1_5 signature with SHA-256, "RS256" in JSON Web Tokens. EINVAL with a
// sentence: `pem` is not an RSA private key in PEM format without a passphrase.
Result<Buffer> sign_rs256(std::string_view pem, ByteView data);
// Returns bytes of the system's generator, fit for keys.
Buffer random_bytes(std::size_t count);
// Returns true if the bytes are equal, in a time that depends only on their number.
bool equal_in_constant_time(ByteView a, ByteView b);

}  // namespace flexfs::crypto
