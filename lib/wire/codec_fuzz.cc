// The codec's target for libFuzzer: `meson compile codec_fuzz`, then run it with a corpus folder.
#include "lib/wire/decode_any.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto* bytes = reinterpret_cast<const std::byte*>(data);
    flexfs::wire::decode_any(flexfs::Buffer::copy_of(flexfs::ByteView(bytes, size)));
    return 0;
}
