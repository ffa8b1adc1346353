#include "lib/block/codec.h"

#include <lz4.h>
#include <zstd.h>

#include <memory>

namespace flexfs::block {
namespace {

// zstd's higher levels save little on file data and are slower than a network.
constexpr int zstd_level = 1;

struct FreeContext {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// Returns working memory, about 1.5 MiB per thread. Allocating it anew would cost more than packing
// a small file.
ZSTD_CCtx* compressing() {
    thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
    return context.get();
}
ZSTD_DCtx* decompressing() {
    thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
    return context.get();
}

const char* chars(ByteView bytes) {
    return reinterpret_cast<const char*>(bytes.data());
}
char* chars(MutableBytes bytes) {
    return reinterpret_cast<char*>(bytes.data());
}

}  // namespace

std::size_t compress(Compression codec, ByteView in, MutableBytes out) {
    switch (codec) {
        case Compression::none: return 0;
        case Compression::lz4: {
            const int used =
                LZ4_compress_default(chars(in), chars(out), int(in.size()), int(out.size()));
            return used > 0 ? std::size_t(used) : 0;
        }
        case Compression::zstd: {
            const std::size_t used = ZSTD_compressCCtx(compressing(), out.data(), out.size(),
                                                       in.data(), in.size(), zstd_level);
            return ZSTD_isError(used) ? 0 : used;
        }
    }
    return 0;
}

bool decompress(Compression codec, ByteView in, MutableBytes out) {
    switch (codec) {
        case Compression::none: return false;
        case Compression::lz4:
            return LZ4_decompress_safe(chars(in), chars(out), int(in.size()), int(out.size())) ==
                   int(out.size());
        case Compression::zstd: {
            const std::size_t made =
                ZSTD_decompressDCtx(decompressing(), out.data(), out.size(), in.data(), in.size());
            return !ZSTD_isError(made) && made == out.size();
        }
    }
    return false;
}

}  // namespace flexfs::block
