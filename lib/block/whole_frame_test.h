// Makes whole frames, as older programs wrote them; this program only reads them.
#pragma once

#include <string>

#include "lib/block/codec.h"
#include "lib/block/frame.h"
#include "lib/block/hash.h"
#include "lib/block/numbers.h"

namespace flexfs::block {

// The check is in bytes 40 to 47.
inline Buffer whole_frame(FrameInfo info, const std::string& data, Compression codec) {
    std::string body(worthwhile(data.size()), '\0');
    const std::size_t used =
        compress(codec, as_bytes(data), std::as_writable_bytes(std::span(body)));
    body.resize(used);
    if (used == 0) body = data;
    std::string frame(header_bytes, '\0');
    auto* const to = reinterpret_cast<std::byte*>(frame.data());
    store<4>(to, 'F' | 'X' << 8 | 'F' << 16 | 1 << 24);
    store<1>(to + 4, used == 0 ? 0 : std::uint64_t(codec));
    store<3>(to + 5, body.size());
    store<3>(to + 8, data.size());
    store<3>(to + 11, info.off);
    store<6>(to + 14, info.idx);
    store<8>(to + 32, info.ino);
    store<8>(to + 40, Hash().add(as_bytes(frame).first(40)).add(as_bytes(body)).value());
    return Buffer::take(frame + body);
}

inline std::uint64_t check_of(const Buffer& frame) {
    return load<8>(frame.data() + 40);
}

}  // namespace flexfs::block
