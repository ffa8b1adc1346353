// Byte strings: views, a reference-counted buffer whose slices share memory, and little-endian
// loads and stores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flexfs {

using ByteView = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline ByteView as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// An immutable slice of reference-counted memory. Copying shares the memory; slicing never copies.
// The memory is freed with its last slice, so a small slice keeps a large buffer alive: use
// copy_of() for what is kept long.
class Buffer {
public:
    Buffer() = default;
    // `owner` keeps the memory of `view` alive.
    Buffer(std::shared_ptr<const void> owner, ByteView view)
        : owner_(std::move(owner)), view_(view) {}

    static Buffer copy_of(ByteView bytes);
    static Buffer copy_of(std::string_view text) { return copy_of(flexfs::as_bytes(text)); }
    static Buffer take(std::vector<std::byte> bytes);
    static Buffer take(std::string text);

    const std::byte* data() const { return view_.data(); }
    std::size_t size() const { return view_.size(); }
    bool empty() const { return view_.empty(); }
    ByteView view() const { return view_; }
    operator ByteView() const { return view_; }
    std::string_view text() const { return as_text(view_); }

    // Returns bytes [offset, offset + size), which must lie inside the buffer.
    Buffer slice(std::size_t offset, std::size_t size) const;
    Buffer slice(std::size_t offset) const { return slice(offset, size() - offset); }

    friend bool operator==(const Buffer& a, const Buffer& b) {
        return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
    }

private:
    std::shared_ptr<const void> owner_;
    ByteView view_;
};

// Returns how many bytes the pieces have together.
std::size_t total_bytes(std::span<const Buffer> pieces);

// Memory to fill and then freeze into a Buffer without a copy. The bytes start uninitialised.
class WritableBuffer {
public:
    explicit WritableBuffer(std::size_t size);

    std::byte* data() { return memory_.get(); }
    std::size_t size() const { return size_; }
    MutableBytes bytes() { return {memory_.get(), size_}; }
    // Returns the first `used` bytes.
    Buffer freeze(std::size_t used) &&;
    Buffer freeze() && { return std::move(*this).freeze(size_); }

private:
    std::shared_ptr<std::byte[]> memory_;
    std::size_t size_;
};

template <class T>
T load_le(const std::byte* from) {
    T value;
    std::memcpy(&value, from, sizeof value);  // every supported machine is little endian
    return value;
}
template <class T>
void store_le(std::byte* to, T value) {
    std::memcpy(to, &value, sizeof value);
}

// Returns lower-case hexadecimal digits: "0f3a…".
std::string to_hex(ByteView bytes);
// Returns base64 with padding (RFC 4648).
std::string to_base64(ByteView bytes);
// Returns base64 in the alphabet for URLs and without padding, as JSON Web Tokens have it.
std::string to_base64url(ByteView bytes);
// Reads base64 with padding; returns nothing if the text is anything else.
std::optional<Buffer> from_base64(std::string_view text);

}  // namespace flexfs
