// Segments: immutable objects made of frames, one after the other, and a footer that lists them, so
// that a bucket can be read without its database.
//
// The footer, little endian: an entry per frame, in the order of their positions,
//
//   offset  bytes
//        0      4  position of the frame in the segment
//        4      4  bytes of the frame, header included
//        8      8  inode
//       16      8  index of the block in its file
//       24      4  offset of the data in its block
//       28      4  bytes of the data once decoded
//       32      8  check of the frame
//
// then the trailer, the last 32 bytes of the object:
//
//        0      8  segment id
//        8      8  bytes of all frames together: where the footer begins
//       16      4  number of entries
//       20      4  magic "FXS" and the format: 1
//       24      8  XXH3-64 of the entries and of trailer bytes 0 to 23
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/result.h"
#include "lib/block/frame.h"
#include "lib/wire/types.h"

namespace flexfs::block {

using wire::SegmentId;

inline constexpr std::size_t segment_bytes_target = 16 << 20;
inline constexpr std::size_t segment_bytes_max = 64 << 20;
inline constexpr std::size_t entry_bytes = 40;
inline constexpr std::size_t trailer_bytes = 32;

class SegmentBuilder {
public:
    explicit SegmentBuilder(SegmentId id) : id_(id) {}

    SegmentId id() const { return id_; }
    // The length of the object if it were finished now.
    std::size_t bytes() const { return frame_bytes_ + entries_.size() + trailer_bytes; }
    // Appends a frame and returns its position. The object must not exceed segment_bytes_max.
    std::uint32_t add(EncodedFrame frame);
    // Returns the bytes of the object, in order. The builder is empty afterwards.
    std::vector<Buffer> finish();

private:
    SegmentId id_;
    std::vector<Buffer> pieces_;
    std::vector<std::byte> entries_;
    std::size_t frame_bytes_ = 0;
};

struct SegmentEntry {
    FrameInfo info;
    std::uint32_t pos = 0, stored = 0, decoded = 0;  // bytes
    std::uint64_t check = 0;
    bool operator==(const SegmentEntry&) const = default;
};

struct Footer {
    SegmentId id = 0;
    std::vector<SegmentEntry> entries;
};

// Reads the length of the footer, trailer included, from the last trailer_bytes of a segment. EIO.
Result<std::size_t> footer_size(ByteView trailer);

// Parses the footer from the last bytes of a segment of `segment_bytes`, at least footer_size() of
// them. EIO with a description if the footer is damaged or its entries are not the frames that
// precede it.
Result<Footer> parse_footer(ByteView tail, std::uint64_t segment_bytes);

// "{volume}/{2 hex digits of a hash of the id}/{the id in 16 hex digits}"
std::string segment_key(std::string_view volume, SegmentId id);
// Returns the id in a key made by segment_key(), or nothing for any other key.
std::optional<SegmentId> segment_of_key(std::string_view volume, std::string_view key);

}  // namespace flexfs::block
