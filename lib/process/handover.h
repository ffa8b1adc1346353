// The state that a process leaves to the image that replaces it. It lies in memory behind a
// descriptor, which stays open over execve(2): a magic of eight bytes, the format (u32), and one
// message of lib/wire. The next image may have another version, so within one format fields are
// only appended.
#pragma once

#include "lib/base/bytes.h"
#include "lib/base/descriptor.h"
#include "lib/base/result.h"
#include "lib/wire/codec.h"

namespace flexfs::process {

inline constexpr std::size_t handover_head_bytes = 12;

void write_handover_head(std::byte* at, std::string_view magic, std::uint32_t format);
// EPROTO, with a sentence: not a hand-over, or one of another format.
Result<void> check_handover_head(const Buffer& bytes, std::string_view magic, std::uint32_t format);

// T is a message of lib/wire with `magic`, eight bytes, and `format`.
template <class T>
Buffer encode_handover(const T& message) {
    static_assert(T::magic.size() == 8);
    WritableBuffer bytes(handover_head_bytes + wire::encoded_size(message));
    write_handover_head(bytes.data(), T::magic, T::format);
    wire::Encoder(bytes.data() + handover_head_bytes).put(message);
    return std::move(bytes).freeze();
}
template <class T>
Result<T> decode_handover(const Buffer& bytes) {
    TRY(check_handover_head(bytes, T::magic, T::format));
    return wire::decode<T>(bytes.slice(handover_head_bytes));
}

// Returns a descriptor of memory that holds the bytes; it is closed on execve(2) unless keep_open()
// was called. ENOMEM, EMFILE.
Result<Descriptor> save_handover(ByteView bytes);
// Returns all bytes behind such a descriptor, which stays open. EBADF.
Result<Buffer> load_handover(int memory);

}  // namespace flexfs::process
