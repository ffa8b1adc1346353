// What a client knows of the data that the metadata service has of one regular file: the inline
// data of a small one, the extents of another, and its size. Encryption and routes to proxies
// attach to the extents here: with them comes how a frame is fetched and opened.
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
    // inline_data() is what the service has; empty: it has none.
    bool knows_inline() const { return inline_known_; }
    const Buffer& inline_data() const { return inline_data_; }  // plain
    // Of that data at the service (wire::Entry).
    std::uint64_t inline_version() const { return inline_version_; }
    const ExtentMap& extents() const { return extents_; }
    // A file of `size` bytes whose data is this belongs into the metadata.
    bool fits_inline(std::uint64_t size, std::uint64_t bytes_max) const {
        return size <= bytes_max && extents_.knows_all() && extents_.empty();
    }
    // What it takes beside the object itself.
    std::size_t memory_bytes() const { return inline_data_.size() + extents_.memory_bytes(); }

    // --- what an answer says ---
    void learn_size(std::uint64_t size) { size_ = size; }
    // The data of a small file. EIO: it is damaged; then nothing is known.
    Result<void> learn_inline(const Buffer& data, std::uint32_t bytes, std::uint64_t version);
    // True once for each time that the data was found damaged: somebody has to log it.
    bool take_damage_report() { return std::exchange(is_damage_unreported_, false); }
    // An Entry. `opened`: it answers an Open, and then has all of the file, except the extents
    // where they are many; others may have the attributes alone. EIO: as learn_inline().
    Result<void> learn(const wire::Entry& entry, bool opened);
    // All that blocks [first, last) have.
    void learn_extents(std::uint64_t first, std::uint64_t last,
                       const std::vector<Extent>& extents) {
        extents_.learn(first, last, extents);
    }

    // --- what may have changed ---
    void forget();
    void forget_extents() { extents_.forget(); }
    void forget_blocks(Range blocks) { extents_.forget(blocks.first, blocks.last); }

    // --- what this client changed ---
    void shrink(std::uint64_t size) { size_ = std::min(size_, size); }
    // The range is a hole; the size stays.
    void drop(Range range);
    // The service has the data that is known here, as this client changed it, under that version.
    void set_inline_version(std::uint64_t version) { inline_version_ = version; }
    // Space is reserved for the range, in whole pages.
    void reserve(Range range) { extents_.keep_room(range.first, range.last); }
    // The flight was committed with `extents`, whose seq are the service's, and its inline data got
    // `version`. Returns the bytes that
    // the file uses now, where `used` were counted before; without value they must be asked for,
    // because what lay there is not known.
    struct Used {
        std::uint64_t bytes = 0;
        bool exact = true;
    };
    // `end`: where the service says that the file ends.
    Used commit(const Flight& flight, std::span<const Extent> extents, std::uint64_t version,
                std::uint64_t end, std::uint64_t used);

private:
    void forget_inline();

    std::uint64_t size_ = 0;
    bool inline_known_ = false;
    bool is_damage_unreported_ = true;  // should there be any
    Buffer inline_data_;
    std::uint64_t inline_version_ = 0;
    ExtentMap extents_;
};

}  // namespace flexfs::vfs
