#include "lib/base/bytes.h"

#include "lib/base/check.h"

namespace flexfs {

static_assert(std::endian::native == std::endian::little);

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

WritableBuffer::WritableBuffer(std::size_t size)
    : memory_(std::make_shared_for_overwrite<std::byte[]>(size)), size_(size) {}

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
