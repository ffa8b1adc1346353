#include "lib/crypto/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/random.h>

#include <algorithm>

#include "lib/base/check.h"

namespace flexfs::crypto {

Buffer sha256(ByteView data) {
    WritableBuffer digest(32);
    unsigned size = 0;
    const int done =
        EVP_Digest(data.data(), data.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
                   EVP_sha256(), nullptr);
    check(done == 1 && size == 32);
    return std::move(digest).freeze();
}

Buffer random_bytes(std::size_t count) {
    WritableBuffer bytes(count);
    // getrandom(2) returns at most this many bytes without being interrupted.
    constexpr std::size_t at_once = 256;
    for (std::size_t done = 0; done < count;) {
        const std::size_t size = std::min(at_once, count - done);
        check(::getrandom(bytes.data() + done, size, 0) == ssize_t(size));
        done += size;
    }
    return std::move(bytes).freeze();
}

bool equal_in_constant_time(ByteView a, ByteView b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace flexfs::crypto
