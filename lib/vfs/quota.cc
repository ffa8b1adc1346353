#include "lib/vfs/quota.h"

#include <algorithm>

namespace flexfs::vfs {
namespace {

// Returns the number of zeros that inline data needs between the end of the file and the range.
std::uint64_t padding(const File& file, Range range, std::uint64_t inline_bytes) {
    if (std::max(file.size(), range.last) > inline_bytes || !file.stored().extents().empty())
        return 0;
    const std::uint64_t end =
        std::max<std::uint64_t>(file.stored().inline_data().size(), file.unsent().end());
    return range.first - std::min(range.first, end);
}

}  // namespace

Quota::Quota(Session& session, Flusher& flusher, Reader& reader, Release release)
    : session_(session),
      flusher_(flusher),
      reader_(reader),
      release_(std::move(release)),
      max_(session.volume().max_blocks * session.volume().block_bytes) {}

Quota::Promise Quota::take(const File& file, Range range) {
    Promise promise{range.last - range.first, 0};
    if (max_ == 0) return promise;
    const std::uint64_t room = left();
    promise.cost = padding(file, range, session_.volume().inline_bytes);
    if (promise.cost > room) return {};
    for (const Source& source : file.sources(range)) {
        if (!source.is_new_room()) continue;
        const std::uint64_t more = source.range.last - source.range.first;
        const std::uint64_t fits = std::min(more, room - promise.cost);
        promise.cost += fits;
        if (fits == more) continue;
        promise.bytes = source.range.first + fits - range.first;
        break;
    }
    if (promise.bytes == 0) return {};
    this->promise(promise.cost);
    return promise;
}

void Quota::promise(std::uint64_t bytes) {
    spent_ += bytes;
    promised_ += bytes;
}

void Quota::give_back(const Promise& promise) {
    spent_ -= promise.cost;
    promised_ -= std::min(promised_, promise.cost);
}

Task<void> Quota::expect(NodeRef node, std::uint64_t bytes) {
    if (max_ == 0) co_return;
    if (bytes > left()) co_await recount_after_flush(node, {});
    promise(std::min(bytes, left()));
}

Task<void> Quota::expect_room(NodeRef node, Range range) {
    if (max_ == 0) co_return;
    range = {wire::page_floor(range.first), wire::page_ceil(range.last)};
    if (node->file()->without_room(range) > left()) co_await recount_after_flush(node, range);
    promise(std::min(node->file()->without_room(range), left()));
}

Task<void> Quota::recount_after_flush(NodeRef node, Range range) {
    co_await reader_.learn_extents(node, range);
    const auto turn = co_await counting_.lock();
    promised_ = 0;
    co_await release_();
    const bool written = bool(co_await result(flusher_.drain()));
    const std::uint64_t unsent = written ? 0 : flusher_.dirty_bytes();
    const wire::Statistics now = co_await session_.call(wire::StatFs{});
    spent_ = now.used_bytes + unsent + promised_;
}

std::uint64_t Quota::spent(std::uint64_t used) const {
    return std::min(used + flusher_.dirty_bytes(), std::max(used, spent_));
}

}  // namespace flexfs::vfs
