#include "lib/crypto/crypto.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <memory>

#include "lib/base/check.h"

namespace flexfs::crypto {
namespace {

constexpr std::size_t pem_bytes_max = 64 << 10;

template <auto release>
struct Release {
    template <class T>
    void operator()(T* owned) const {
        release(owned);
    }
};
template <class T, auto release>
using Owned = std::unique_ptr<T, Release<release>>;

unsigned char* chars(WritableBuffer& bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

Buffer digest_of(std::span<const Buffer> pieces, const EVP_MD* algorithm, std::size_t size) {
    const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    check(context && EVP_DigestInit_ex(context.get(), algorithm, nullptr) == 1);
    for (const Buffer& piece : pieces)
        check(EVP_DigestUpdate(context.get(), piece.data(), piece.size()) == 1);
    WritableBuffer digest(size);
    check(EVP_DigestFinal_ex(context.get(), chars(digest), nullptr) == 1);
    return std::move(digest).freeze();
}

}  // namespace

Buffer sha256(ByteView data) {
    WritableBuffer digest(32);
    unsigned size = 0;
    const int done =
        EVP_Digest(data.data(), data.size(), chars(digest), &size, EVP_sha256(), nullptr);
    check(done == 1 && size == 32);
    return std::move(digest).freeze();
}

Buffer sha256(std::span<const Buffer> pieces) {
    return digest_of(pieces, EVP_sha256(), 32);
}

Buffer md5(std::span<const Buffer> pieces) {
    return digest_of(pieces, EVP_md5(), 16);
}

Buffer hmac_sha256(ByteView key, ByteView data) {
    WritableBuffer digest(32);
    unsigned size = 0;
    const auto* const message = reinterpret_cast<const unsigned char*>(data.data());
    check(key.size() <= std::size_t(std::numeric_limits<int>::max()));
    const bool done = HMAC(EVP_sha256(), key.data(), int(key.size()), message, data.size(),
                           chars(digest), &size) != nullptr;
    check(done && size == 32);
    return std::move(digest).freeze();
}

Result<Buffer> sign_rs256(std::string_view pem, ByteView data) {
    if (pem.size() > pem_bytes_max) return explain(EINVAL, "the private key is too long");
    const Owned<BIO, BIO_free_all> text(BIO_new_mem_buf(pem.data(), int(pem.size())));
    check(text != nullptr);
    // Without this callback, a key with a passphrase would make OpenSSL ask for it on the terminal.
    const auto no_passphrase = [](char*, int, int, void*) { return -1; };
    const Owned<EVP_PKEY, EVP_PKEY_free> key(
        PEM_read_bio_PrivateKey(text.get(), nullptr, no_passphrase, nullptr));
    if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
        ERR_clear_error();
        return explain(EINVAL, "the private key is not an RSA key in PEM format");
    }
    const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    check(context != nullptr);
    const auto* const message = reinterpret_cast<const unsigned char*>(data.data());
    std::size_t size = 0;
    if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
        EVP_DigestSign(context.get(), nullptr, &size, message, data.size()) == 1) {
        WritableBuffer signature(size);
        if (EVP_DigestSign(context.get(), chars(signature), &size, message, data.size()) == 1)
            return std::move(signature).freeze(size);
    }
    ERR_clear_error();
    return explain(EINVAL, "the private key cannot sign; it may be too short");
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
