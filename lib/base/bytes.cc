#include "lib/base/bytes.h"

#include <mutex>

#include "lib/base/check.h"

namespace flexfs {

static_assert(std::endian::native == std::endian::little);

namespace {

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

}  // namespace flexfs
