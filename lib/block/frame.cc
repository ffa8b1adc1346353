#include "lib/block/frame.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "lib/base/check.h"
#include "lib/base/format.h"
#include "lib/block/chunk_table.h"
#include "lib/block/codec.h"
#include "lib/block/hash.h"
#include "lib/block/numbers.h"

namespace flexfs::block {
namespace {

constexpr std::uint64_t magic = 'F' | 'X' << 8 | 'F' << 16;
constexpr std::uint64_t idx_end = std::uint64_t{1} << 48;
constexpr std::size_t checked_bytes = 40;  // the part of the header that the check covers

// Data is compressed only if samples of it (this many, of this size) together shrink by half of
// what would be worthwhile. The samples cost 1 % of the time to compress a block.
constexpr std::size_t samples = 4;
constexpr std::size_t sample_bytes = 16 << 10;

// Returns up to sample_bytes from `offset` on, as far as they are contiguous.
ByteView sample_at(const std::vector<Buffer>& pieces, std::size_t offset) {
    for (const Buffer& piece : pieces) {
        if (offset < piece.size())
            return piece.view().subspan(offset, std::min(sample_bytes, piece.size() - offset));
        offset -= piece.size();
    }
    return {};
}

bool looks_compressible(const std::vector<Buffer>& pieces, std::size_t total, Compression codec) {
    if (codec == Compression::none) return false;
    if (total <= 2 * samples * sample_bytes) return true;
    std::array<std::byte, sample_bytes> out;
    std::size_t before = 0, after = 0;
    for (std::size_t n = 0; n < samples; ++n) {
        const ByteView sample = sample_at(pieces, total / samples * n);
        const std::size_t used = compress(codec, sample, out);
        before += sample.size();
        after += used == 0 ? sample.size() : std::min(used, sample.size());
    }
    return after <= before - before / 32;
}

// Reads through pieces from the first byte to the last.
class Cursor {
public:
    explicit Cursor(const std::vector<Buffer>& pieces) : pieces_(pieces) {}

    // Appends the next `bytes` as slices of the pieces that contain them.
    void take(std::size_t bytes, std::vector<Buffer>& into) {
        while (bytes > 0) {
            const Buffer& piece = pieces_[piece_];
            const std::size_t part = std::min(bytes, piece.size() - at_);
            if (part > 0) into.push_back(piece.slice(at_, part));
            at_ += part;
            bytes -= part;
            if (at_ == piece.size()) {
                ++piece_;
                at_ = 0;
            }
        }
    }

private:
    const std::vector<Buffer>& pieces_;
    std::size_t piece_ = 0, at_ = 0;
};

// One chunk as it will be stored. Bytes that are not in the input are in the encoder's own memory.
struct Part {
    std::vector<Buffer> raw;            // the body if it is not compressed
    std::size_t own = 0, own_size = 0;  // otherwise its place
    std::size_t tail = 0;               // the place of the tail
    std::uint32_t body = 0, data = 0;   // bytes
    Compression codec = Compression::none;
    std::uint64_t hash = 0;  // of the body
};

// Encodes the chunks of one frame. `memory_` holds all bytes that are not in the input, in the
// order in which they are stored, so that they are written in few pieces.
class ChunkEncoder {
public:
    ChunkEncoder(const std::vector<Buffer>& pieces, std::size_t total, Compression codec)
        : from_(pieces),
          codec_(looks_compressible(pieces, total, codec) ? codec : Compression::none),
          count_((total + chunk_bytes - 1) / chunk_bytes),
          memory_(count_ * chunk_tail_bytes + (codec_ == Compression::none ? 0 : total)) {
        parts_.reserve(count_);
        for (std::size_t left = total; left > 0; left -= std::min(left, chunk_bytes))
            add(std::min(left, chunk_bytes));
    }

    const std::vector<Part>& parts() const { return parts_; }

    // Returns the chunks, in pieces, for a frame with that check.
    std::vector<Buffer> finish(std::uint64_t check) && {
        for (std::uint32_t n = 0; n < parts_.size(); ++n) {
            std::byte* const tail = memory_.data() + parts_[n].tail;
            store<8>(tail + 4, chunk_seal({check, n}, tail, parts_[n].hash));
        }
        // A frame that waits for its upload must not hold much more memory than its length.
        const bool roomy = used_ < memory_.size() / 4 * 3;
        const Buffer own = roomy ? Buffer::copy_of(memory_.bytes().first(used_))
                                 : std::move(memory_).freeze(used_);
        std::vector<Buffer> body;
        std::size_t begin = 0, end = 0;  // the range of `own` that is not in `body` yet
        for (Part& part : parts_) {
            end += part.own_size;
            if (!part.raw.empty()) {
                if (end > begin) body.push_back(own.slice(begin, end - begin));
                begin = end;
                std::ranges::move(part.raw, std::back_inserter(body));
            }
            end += chunk_tail_bytes;
        }
        body.push_back(own.slice(begin));
        return body;
    }

private:
    void add(std::size_t bytes) {
        Part part;
        part.data = std::uint32_t(bytes);
        from_.take(bytes, part.raw);
        if (codec_ != Compression::none) try_compress(part);
        if (part.codec == Compression::none) {
            part.body = part.data;
            part.hash = hash_raw(part.raw);
        }
        part.tail = used_;
        std::byte* const tail = memory_.data() + used_;
        used_ += chunk_tail_bytes;
        store<3>(tail, part.data);
        store<1>(tail + 3, std::uint64_t(part.codec));
        parts_.push_back(std::move(part));
    }

    void try_compress(Part& part) {
        const std::size_t room = worthwhile(part.data);
        if (room == 0) return;
        const MutableBytes out = memory_.bytes().subspan(used_, room);
        const std::size_t size = compress(codec_, joined(part), out);
        if (size == 0) return;
        part.codec = codec_;
        part.own = used_;
        part.own_size = size;
        part.body = std::uint32_t(size);
        part.hash = hash_of(out.first(size));
        part.raw.clear();
        used_ += size;
    }

    ByteView joined(const Part& part) {
        if (part.raw.size() == 1) return part.raw.front();
        if (together_.empty()) together_.resize(chunk_bytes);
        std::byte* to = together_.data();
        for (const Buffer& piece : part.raw) {
            std::memcpy(to, piece.data(), piece.size());
            to += piece.size();
        }
        return ByteView(together_).first(part.data);
    }

    static std::uint64_t hash_raw(const std::vector<Buffer>& raw) {
        if (raw.size() == 1) return hash_of(raw.front());
        Hash hash;
        for (const Buffer& piece : raw) hash.add(piece);
        return hash.value();
    }

    Cursor from_;
    Compression codec_;
    std::size_t count_;
    WritableBuffer memory_;
    std::size_t used_ = 0;
    std::vector<Part> parts_;
    std::vector<std::byte> together_;  // a copy of a chunk that is not contiguous in the input
};

std::unexpected<Error> damaged(const FrameHeader& header, std::string what) {
    return fail(EIO, fmt::format("frame of inode {}, block {}, offset {}: {}", header.info.ino,
                                 header.info.idx, header.info.off, what));
}

Result<void> check_lengths(const FrameHeader& header) {
    bool possible = header.decoded >= 1 && header.decoded <= decoded_bytes_max &&
                    header.info.off + header.decoded <= decoded_bytes_max;
    if (header.form == FrameForm::chunked) {
        const std::uint32_t beside = header.chunks() * (chunk_entry_bytes + chunk_tail_bytes);
        possible = possible && header.body > beside && header.body <= beside + header.decoded;
    } else {
        possible =
            possible && (header.codec == 0 ? header.body == header.decoded
                                           : header.body < header.decoded && header.body > 0);
    }
    if (possible) return {};
    return damaged(header, fmt::format("impossible lengths: {} bytes stored for {}", header.body,
                                       header.decoded));
}

Result<Buffer> decode_whole(const FrameHeader& header, const Buffer& stored) {
    const Buffer body = stored.slice(header_bytes);
    if (Hash().add(stored.view().first(checked_bytes)).add(body).value() != header.check)
        return damaged(header, "its checksum is wrong");
    if (header.codec == 0) return body;

    WritableBuffer data(header.decoded);
    if (!decompress(Compression(header.codec), body, data.bytes()))
        return damaged(header, "it does not decompress");
    return std::move(data).freeze();
}

struct TableEntry {
    std::uint32_t body = 0;
    std::uint8_t codec = 0;
    std::uint64_t hash = 0;
};

Result<std::vector<TableEntry>> read_table(const FrameHeader& header, ByteView bytes) {
    const std::size_t end = header.table_end();
    if (bytes.size() < end)
        return damaged(header, fmt::format("{} bytes are there instead of {}", bytes.size(), end));
    const ByteView table = bytes.subspan(header_bytes, end - header_bytes);
    if (Hash().add(bytes.first(checked_bytes)).add(table).value() != header.check)
        return damaged(header, "the checksum of its header is wrong");
    std::vector<TableEntry> entries;
    std::uint64_t size = table.size();
    for (std::size_t at = 0; at < table.size(); at += chunk_entry_bytes) {
        const std::byte* const from = table.data() + at;
        const TableEntry entry{std::uint32_t(load<3>(from)), std::uint8_t(load<1>(from + 3)),
                               load<8>(from + 4)};
        const std::size_t data =
            std::min<std::size_t>(chunk_bytes, header.decoded - entries.size() * chunk_bytes);
        if (entry.codec == 0 ? entry.body != data : entry.body == 0 || entry.body >= data)
            return damaged(header, "its table of chunks has impossible lengths");
        size += entry.body + chunk_tail_bytes;
        entries.push_back(entry);
    }
    if (size != header.body) return damaged(header, "its table of chunks has impossible lengths");
    return entries;
}

Result<Buffer> decode_chunked(const FrameHeader& header, const Buffer& stored) {
    TRY(const std::vector<TableEntry> entries, read_table(header, stored));
    WritableBuffer data(header.decoded);
    std::size_t at = header.table_end(), done = 0;
    for (std::uint32_t n = 0; n < entries.size(); ++n) {
        const Buffer chunk = stored.slice(at, entries[n].body + chunk_tail_bytes);
        at += chunk.size();
        auto decoded = decode_chunk(chunk, {header.check, n});
        if (!decoded) return damaged(header, std::move(decoded.error().context));
        const std::size_t bytes = std::min<std::size_t>(chunk_bytes, header.decoded - done);
        if (decoded->size() != bytes ||
            hash_of(chunk.view().first(entries[n].body)) != entries[n].hash)
            return damaged(header, fmt::format("chunk {} is not the one in its table", n));
        std::memcpy(data.data() + done, decoded->data(), bytes);
        done += bytes;
    }
    return std::move(data).freeze();
}

}  // namespace

EncodedFrame encode_frame(FrameInfo info, std::vector<Buffer> pieces, Compression compression) {
    const std::size_t total = total_bytes(pieces);
    check(total > 0 && total <= decoded_bytes_max && info.off + total <= decoded_bytes_max);
    check(info.idx < idx_end);

    ChunkEncoder chunks(pieces, total, compression);
    WritableBuffer header(header_bytes + chunks.parts().size() * chunk_entry_bytes);
    std::byte* const to = header.data();
    std::memset(to, 0, header_bytes);
    std::byte* entry = to + header_bytes;
    std::uint64_t body = header.size() - header_bytes;
    std::vector<std::uint32_t> compressed;
    for (const Part& part : chunks.parts()) {
        store<3>(entry, part.body);
        store<1>(entry + 3, std::uint64_t(part.codec));
        store<8>(entry + 4, part.hash);
        entry += chunk_entry_bytes;
        body += part.body + chunk_tail_bytes;
        compressed.push_back(part.codec == Compression::none ? 0 : part.body);
    }
    store<3>(to, magic);
    store<1>(to + 3, std::uint64_t(FrameForm::chunked));
    store<3>(to + 5, body);
    store<3>(to + 8, total);
    store<3>(to + 11, info.off);
    store<6>(to + 14, info.idx);
    store<8>(to + 32, info.ino);
    const std::uint64_t check = Hash()
                                    .add(header.bytes().first(checked_bytes))
                                    .add(header.bytes().subspan(header_bytes))
                                    .value();
    store<8>(to + 40, check);
    return {.info = info,
            .header = std::move(header).freeze(),
            .body = std::move(chunks).finish(check),
            .check = check,
            .stored = std::uint32_t(header_bytes + body),
            .decoded = std::uint32_t(total),
            .chunks = chunk_list(compressed)};
}

Result<FrameHeader> parse_header(ByteView bytes) {
    if (bytes.size() < header_bytes)
        return fail(EIO, fmt::format("{} bytes are no frame", bytes.size()));
    const std::byte* const from = bytes.data();
    if (load<3>(from) != magic) return fail(EIO, "there is no frame here");
    const auto format = load<1>(from + 3);
    if (format != std::uint64_t(FrameForm::whole) && format != std::uint64_t(FrameForm::chunked))
        return fail(EIO,
                    fmt::format("frame of format {}, this version reads formats 1 and 2", format));
    FrameHeader header{.info = {.ino = load<8>(from + 32),
                                .idx = load<6>(from + 14),
                                .off = std::uint32_t(load<3>(from + 11))},
                       .form = FrameForm(format),
                       .codec = std::uint8_t(load<1>(from + 4) & 15),
                       .cipher = std::uint8_t(load<1>(from + 4) >> 4),
                       .body = std::uint32_t(load<3>(from + 5)),
                       .decoded = std::uint32_t(load<3>(from + 8)),
                       .check = load<8>(from + 40)};
    if (header.cipher != 0) return damaged(header, fmt::format("unknown cipher {}", header.cipher));
    if (header.codec > std::uint8_t(Compression::zstd) ||
        (header.form == FrameForm::chunked && header.codec != 0))
        return damaged(header, fmt::format("unknown codec {}", header.codec));
    TRY(check_lengths(header));
    return header;
}

Result<std::vector<std::uint32_t>> parse_table(ByteView bytes) {
    TRY(const FrameHeader header, parse_header(bytes));
    if (header.form != FrameForm::chunked) return damaged(header, "it has no table of chunks");
    TRY(const std::vector<TableEntry> entries, read_table(header, bytes));
    std::vector<std::uint32_t> compressed;
    for (const TableEntry& entry : entries) compressed.push_back(entry.codec == 0 ? 0 : entry.body);
    return compressed;
}

Result<Buffer> decode_frame(Buffer stored, std::uint64_t check) {
    TRY(const FrameHeader header, parse_header(stored));
    if (header.check != check)
        return damaged(header, fmt::format("it is not the one expected: check {:016x}, not {:016x}",
                                           header.check, check));
    if (stored.size() != header_bytes + header.body)
        return damaged(header, fmt::format("{} bytes are there instead of {}", stored.size(),
                                           header_bytes + header.body));
    return header.form == FrameForm::whole ? decode_whole(header, stored)
                                           : decode_chunked(header, stored);
}

}  // namespace flexfs::block
