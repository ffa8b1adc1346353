#include "lib/vfs/extent_map.h"

#include <algorithm>
#include <iterator>

namespace flexfs::vfs {
namespace {

// Which bytes of a block are covered: ranges apart from each other, in order.
class Cover {
public:
    // How many of the bytes were not covered before.
    std::uint64_t add(std::uint32_t off, std::uint32_t len) {
        std::uint32_t first = off, last = off + len;
        std::uint64_t had = 0;
        auto begin = ranges_.lower_bound(first);
        if (begin != ranges_.begin() && std::prev(begin)->second >= first) --begin;
        auto end = begin;
        for (; end != ranges_.end() && end->first <= last; ++end) {
            had += end->second - end->first;
            first = std::min(first, end->first);
            last = std::max(last, end->second);
        }
        ranges_.erase(begin, end);
        ranges_.emplace(first, last);
        bytes_ += last - first - had;
        return last - first - had;
    }
    std::uint64_t bytes() const { return bytes_; }

private:
    std::map<std::uint32_t, std::uint32_t> ranges_;
    std::uint64_t bytes_ = 0;
};

std::uint64_t covered(std::span<const Extent> extents) {
    Cover cover;
    for (const Extent& extent : extents) cover.add(extent.off, extent.len);
    return cover.bytes();
}

}  // namespace

void ExtentMap::forget() {
    known_.clear();
    blocks_.clear();
    extents_ = 0;
}

void ExtentMap::forget(std::uint64_t idx) {
    if (first_unknown(idx, idx + 1) == idx) return;
    const auto range = std::prev(known_.upper_bound(idx));
    const std::uint64_t first = range->first, last = range->second;
    known_.erase(range);
    if (first < idx) known_.emplace(first, idx);
    if (idx + 1 < last) known_.emplace(idx + 1, last);
    if (const auto rows = blocks_.find(idx); rows != blocks_.end()) {
        extents_ -= rows->second.size();
        blocks_.erase(rows);
    }
}

void ExtentMap::learn(std::uint64_t first, std::uint64_t last, const std::vector<Extent>& extents) {
    for (auto at = blocks_.lower_bound(first); at != blocks_.end() && at->first < last;) {
        extents_ -= at->second.size();
        at = blocks_.erase(at);
    }
    for (const Extent& extent : extents) blocks_[extent.idx].push_back(extent);
    extents_ += extents.size();

    auto begin = known_.lower_bound(first);
    if (begin != known_.begin() && std::prev(begin)->second >= first) --begin;
    auto end = begin;
    for (; end != known_.end() && end->first <= last; ++end) {
        first = std::min(first, end->first);
        last = std::max(last, end->second);
    }
    known_.erase(begin, end);
    known_.emplace(first, last);
}

std::uint64_t ExtentMap::first_unknown(std::uint64_t first, std::uint64_t last) const {
    const auto after = known_.upper_bound(first);
    if (after == known_.begin() || std::prev(after)->second <= first) return std::min(first, last);
    return std::min(last, std::prev(after)->second);
}

std::span<const Extent> ExtentMap::block(std::uint64_t idx) const {
    const auto found = blocks_.find(idx);
    return found == blocks_.end() ? std::span<const Extent>() : found->second;
}

std::uint64_t ExtentMap::add(const Extent& extent) {
    if (first_unknown(extent.idx, extent.idx + 1) == extent.idx) return 0;
    std::vector<Extent>& rows = blocks_[extent.idx];
    const std::uint64_t before = rows.empty() ? 0 : covered(rows);
    extents_ -= rows.size();
    rows.push_back(extent);
    Cover cover;
    for (auto row = rows.end(); row != rows.begin();) {
        --row;
        if (cover.add(row->off, row->len) == 0) row = rows.erase(row);
    }
    extents_ += rows.size();
    return cover.bytes() - before;
}

void ExtentMap::cut(std::uint64_t size) {
    const std::uint64_t idx = size / block_bytes_;
    const auto keep = static_cast<std::uint32_t>(size % block_bytes_);
    for (auto at = blocks_.lower_bound(idx); at != blocks_.end();) {
        std::vector<Extent>& rows = at->second;
        extents_ -= rows.size();
        const std::uint32_t end = at->first == idx ? keep : 0;
        std::erase_if(rows, [end](const Extent& row) { return row.off >= end; });
        for (Extent& row : rows) row.len = std::min(row.len, end - row.off);
        extents_ += rows.size();
        at = rows.empty() ? blocks_.erase(at) : std::next(at);
    }
    // Nothing lies behind the end, whatever was known of it.
    const std::uint64_t clear = keep == 0 ? idx : idx + 1;
    learn(clear, UINT64_MAX, {});
}

}  // namespace flexfs::vfs
