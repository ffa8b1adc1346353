#include "lib/base/bytes.h"

#include <algorithm>
#include <mutex>

#include "lib/base/check.h"

namespace flexfs {

static_assert(std::endian::native == std::endian::little);

namespace {

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Buffers of about the size of a chunk of file data (lib/block/chunk.h) are allocated and freed
// constantly. Some of their memory is kept for reuse, because the kernel has to clear fresh pages,
// which costs more than the work done with them.
constexpr std::size_t recycled_bytes_min = 48 << 10, recycled_bytes_max = 65 << 10;

// Thread-safe.
class Recycler {
public:
    std::byte* take() {
        {
            const std::lock_guard lock(mutex_);
            if (!free_.empty()) {
                std::byte* const memory = free_.back();
                free_.pop_back();
                return memory;
            }
        }
        return new std::byte[recycled_bytes_max];
    }
    void give(std::byte* memory) {
        {
            const std::lock_guard lock(mutex_);
            if (free_.size() < free_max) {
                free_.push_back(memory);
                return;
            }
        }
        delete[] memory;
    }

private:
    static constexpr std::size_t free_max = 128;
    std::mutex mutex_;
    std::vector<std::byte*> free_;  // a stack: the last one is likely to be in a processor's cache
};

// It is never destroyed, because buffers may outlive every other object.
Recycler& recycler() {
    static Recycler& one = *new Recycler;
    return one;
}

}  // namespace

Buffer Buffer::copy_of(ByteView bytes) {
    WritableBuffer copy(bytes.size());
    if (!bytes.empty()) std::memcpy(copy.data(), bytes.data(), bytes.size());
    return std::move(copy).freeze();
}

Buffer Buffer::take(std::vector<std::byte> bytes) {
    auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
    ByteView view = *owner;
    return {std::move(owner), view};
}

Buffer Buffer::take(std::string text) {
    auto owner = std::make_shared<const std::string>(std::move(text));
    ByteView view = flexfs::as_bytes(*owner);
    return {std::move(owner), view};
}

Buffer Buffer::slice(std::size_t offset, std::size_t size) const {
    check(offset <= view_.size() && size <= view_.size() - offset);
    return {owner_, view_.subspan(offset, size)};
}

std::size_t total_bytes(std::span<const Buffer> pieces) {
    std::size_t total = 0;
    for (const Buffer& piece : pieces) total += piece.size();
    return total;
}

WritableBuffer::WritableBuffer(std::size_t size) : size_(size) {
    if (size < recycled_bytes_min || size > recycled_bytes_max)
        memory_ = std::make_shared_for_overwrite<std::byte[]>(size);
    else memory_ = {recycler().take(), [](std::byte* memory) { recycler().give(memory); }};
}

Buffer WritableBuffer::freeze(std::size_t used) && {
    check(used <= size_);
    ByteView view{memory_.get(), used};
    return {std::move(memory_), view};
}

std::string to_hex(ByteView bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (std::byte b : bytes) {
        text += digits[std::to_integer<unsigned>(b) >> 4];
        text += digits[std::to_integer<unsigned>(b) & 15];
    }
    return text;
}

std::string to_base64(ByteView bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
        unsigned group = 0;
        for (std::size_t i = 0; i < 3; ++i)
            group = group << 8 | (i < count ? std::to_integer<unsigned>(bytes[at + i]) : 0);
        for (std::size_t i = 0; i < 4; ++i)
            text += i <= count ? base64_digits[group >> (18 - 6 * i) & 63] : '=';
    }
    return text;
}

std::string to_base64url(ByteView bytes) {
    std::string text = to_base64(bytes);
    while (text.ends_with('=')) text.pop_back();
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    return text;
}

std::optional<Buffer> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    std::vector<std::byte> bytes;
    bytes.reserve(text.size() / 4 * 3);
    unsigned group = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool pad = at >= text.size() - padding;
        const auto value = pad ? 0 : base64_digits.find(text[at]);
        if (value == std::string_view::npos) return std::nullopt;
        group = group << 6 | unsigned(value);
        if (at % 4 != 3) continue;
        for (const int shift : {16, 8, 0}) bytes.push_back(std::byte(group >> shift & 0xff));
        group = 0;
    }
    // Bits that belong to no byte must be zero, so that every byte string has one text.
    for (std::size_t i = 0; i < padding; ++i) {
        if (bytes.back() != std::byte{}) return std::nullopt;
        bytes.pop_back();
    }
    return Buffer::take(std::move(bytes));
}

}  // namespace flexfs
