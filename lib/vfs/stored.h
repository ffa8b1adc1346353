// The part of a regular file's stored data that a client knows: the inline data of a small file,
// the extents of a larger one, and the size. Encryption and proxy routes would attach to the
// extents here, which say how a frame is fetched and decoded.
#pragma once

#include <optional>
#include <utility>

#include "lib/vfs/extent_map.h"
#include "lib/vfs/layer.h"
#include "lib/wire/messages.h"

namespace flexfs::vfs {

class Flight;

class Stored {
public:
    explicit Stored(std::uint32_t block_bytes) : extents_(block_bytes) {}

    // The file's size, as the service knows it.
    std::uint64_t size() const { return size_; }
    // Whether inline_data() is what the service has; empty data means that it has none.
    bool knows_inline() const { return inline_known_; }
    const Buffer& inline_data() const { return inline_data_; }  // uncompressed
    // The version of that data at the service (wire::Entry).
    std::uint64_t inline_version() const { return inline_version_; }
    const ExtentMap& extents() const { return extents_; }
    // Whether the data of a file of `size` bytes with this stored data belongs in the metadata.
    bool fits_inline(std::uint64_t size, std::uint64_t bytes_max) const {
        return size <= bytes_max && extents_.knows_all() && extents_.empty();
    }
    // Memory used in addition to the object itself.
    std::size_t memory_bytes() const { return inline_data_.size() + extents_.memory_bytes(); }

    void learn_size(std::uint64_t size) { size_ = size; }
    // Learns the data of a small file. EIO: it is damaged; then nothing is known.
    Result<void> learn_inline(const Buffer& data, std::uint32_t bytes, std::uint64_t version);
    // Returns true once each time the data was found damaged, so that it is logged once.
    bool take_damage_report() { return std::exchange(is_damage_unreported_, false); }
    // Learns an Entry. `opened`: it answers an Open, and then has all data of the file, except
    // extents if there are many; other Entries may have only the attributes. EIO: as
    // learn_inline().
    Result<void> learn(const wire::Entry& entry, bool opened);
    // Learns all extents of blocks [first, last).
    void learn_extents(std::uint64_t first, std::uint64_t last,
                       const std::vector<Extent>& extents) {
        extents_.learn(first, last, extents);
    }

    void forget();
    void forget_extents() { extents_.forget(); }
    void forget_blocks(Range blocks) { extents_.forget(blocks.first, blocks.last); }

    // Makes the range a hole; the size stays.
    void drop(Range range);
    // Records that space is reserved for the range, in whole pages.
    void reserve(Range range) { extents_.keep_room(range.first, range.last); }
    // The number of bytes that the file uses. If `exact` is false it must be asked for, because
    // what lay under the new data is not known.
    struct Used {
        std::uint64_t bytes = 0;
        bool exact = true;
    };
    // Applies a committed flight: `extents` have the service's seq, its inline data has `version`,
    // and the file ends at `end`. Returns the bytes that the file uses now, if it used `used`
    // before.
    Used commit(const Flight& flight, std::span<const Extent> extents, std::uint64_t version,
                std::uint64_t end, std::uint64_t used);

private:
    void forget_inline();

    std::uint64_t size_ = 0;
    bool inline_known_ = false;
    bool is_damage_unreported_ = true;  // if there is any damage
    Buffer inline_data_;
    std::uint64_t inline_version_ = 0;
    ExtentMap extents_;
};

}  // namespace flexfs::vfs
