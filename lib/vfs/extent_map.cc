#include "lib/vfs/extent_map.h"

#include <algorithm>

#include "lib/wire/cover.h"

namespace flexfs::vfs {
namespace {

std::size_t bytes_of(const Extent& row) {
    constexpr std::size_t inside = 15;  // capacity of a std::string without allocated memory
    const std::size_t list = row.chunks.size();
    return sizeof row + (list > inside ? list + 32 : 0);
}

std::size_t bytes_of(const std::vector<Extent>& rows) {
    std::size_t bytes = 0;
    for (const Extent& row : rows) bytes += bytes_of(row);
    return bytes;
}

}  // namespace

void ExtentMap::forget() {
    known_.clear();
    blocks_.clear();
    rows_bytes_ = 0;
}

void ExtentMap::forget(std::uint64_t first, std::uint64_t last) {
    known_.remove({first, last});
    erase_rows(first, last);
}

void ExtentMap::erase_rows(std::uint64_t first, std::uint64_t last) {
    for (auto at = blocks_.lower_bound(first); at != blocks_.end() && at->first < last;) {
        rows_bytes_ -= bytes_of(at->second);
        at = blocks_.erase(at);
    }
}

void ExtentMap::learn(std::uint64_t first, std::uint64_t last, const std::vector<Extent>& extents) {
    erase_rows(first, last);
    for (const Extent& extent : extents) blocks_[extent.idx].push_back(extent);
    rows_bytes_ += bytes_of(extents);
    known_.add({first, last});
}

std::uint64_t ExtentMap::first_unknown(std::uint64_t first, std::uint64_t last) const {
    return std::min(last, known_.first_gap(first));
}

std::uint64_t ExtentMap::next_block(std::uint64_t idx) const {
    const auto found = blocks_.lower_bound(idx);
    return found == blocks_.end() ? UINT64_MAX : found->first;
}

std::span<const Extent> ExtentMap::block(std::uint64_t idx) const {
    const auto found = blocks_.find(idx);
    return found == blocks_.end() ? std::span<const Extent>() : found->second;
}

std::uint64_t ExtentMap::add(const Extent& extent) {
    if (!knows(extent.idx)) return 0;
    std::vector<Extent>& rows = blocks_[extent.idx];
    const std::uint64_t before = wire::covered_bytes(rows);
    // An answer that overtook this one may have brought newer extents of another client, and this
    // one, too.
    const auto is_older = [&](const Extent& row) {
        return row.is_unwritten() || row.seq < extent.seq;
    };
    const auto at = std::ranges::partition_point(rows, is_older);
    if (at != rows.end() && at->seq == extent.seq) return 0;
    rows_bytes_ -= bytes_of(rows);
    rows.insert(at, extent);
    RangeSet cover;
    for (auto row = rows.end(); row != rows.begin();) {
        --row;
        if (cover.add(wire::covered_by(*row)) == 0 && !row->is_unwritten()) row = rows.erase(row);
    }
    rows_bytes_ += bytes_of(rows);
    return cover.size() - before;
}

void ExtentMap::keep_room(std::uint64_t first, std::uint64_t last) {
    first = wire::page_floor(first);
    last = wire::page_ceil(last);
    for (std::uint64_t idx = first / block_bytes_; idx * block_bytes_ < last; ++idx) {
        if (!knows(idx)) continue;
        const std::uint64_t start = idx * block_bytes_;
        Extent room;
        room.idx = idx;
        room.off = static_cast<std::uint32_t>(std::max(first, start) - start);
        const std::uint64_t end = std::min<std::uint64_t>(last - start, block_bytes_);
        room.len = static_cast<std::uint32_t>(end) - room.off;
        std::vector<Extent>& rows = blocks_[idx];
        const auto has_all = [&](const Extent& row) {
            return row.is_unwritten() && row.off <= room.off && row.off + row.len >= end;
        };
        if (std::ranges::any_of(rows, has_all)) continue;
        rows.insert(rows.begin(), room);
        rows_bytes_ += bytes_of(room);
    }
}

void ExtentMap::punch(std::uint64_t first, std::uint64_t last) {
    if (first >= last) return;
    const std::uint64_t low = first / block_bytes_, high = (last - 1) / block_bytes_;
    const std::uint64_t whole = low + (first % block_bytes_ != 0);
    const std::uint64_t whole_end = last == UINT64_MAX ? last : last / block_bytes_;
    // These blocks become known as holes, whether or not they were known before.
    if (whole < whole_end) learn(whole, whole_end, {});
    if (low < whole) punch_block(low, first, last);
    if (high >= whole_end && (high > low || low == whole)) punch_block(high, first, last);
}

void ExtentMap::punch_block(std::uint64_t idx, std::uint64_t first, std::uint64_t last) {
    const auto found = blocks_.find(idx);
    if (found == blocks_.end()) return;
    const std::uint64_t start = idx * block_bytes_;
    std::vector<Extent> left;
    for (const Extent& row : found->second) {
        const std::uint64_t begin = start + row.off, end = begin + row.len;
        const bool unwritten = row.is_unwritten();
        const std::uint64_t low = unwritten ? wire::page_ceil(first) : first;
        const std::uint64_t high = unwritten ? wire::page_floor(last) : last;
        if (end <= low || begin >= high || low >= high) {
            left.push_back(row);
            continue;
        }
        if (begin < low) {
            left.push_back(row);
            left.back().len = static_cast<std::uint32_t>(low - begin);
        }
        if (end > high) {
            const auto gone = static_cast<std::uint32_t>(high - begin);
            left.push_back(row);
            left.back().off += gone;
            left.back().len -= gone;
            if (!unwritten) left.back().skip += gone;
        }
    }
    rows_bytes_ += bytes_of(left);
    rows_bytes_ -= bytes_of(found->second);
    if (left.empty()) blocks_.erase(found);
    else found->second = std::move(left);
}

}  // namespace flexfs::vfs
