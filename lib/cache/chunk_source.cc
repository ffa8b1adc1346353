#include "lib/cache/chunk_source.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/block/chunk.h"
#include "lib/block/frame.h"
#include "lib/block/segment.h"
#include "lib/loop/pool.h"
#include "lib/task/scope.h"

namespace flexfs::cache {
namespace {

// Two chunks of one segment are fetched with one request if at most this much lies between them:
// the header of a frame, or a small frame.
constexpr std::uint64_t gap_bytes_max = 16 << 10;
// Up to this size, decoding takes less time than a trip to the pool; above it, each trip decodes
// this much.
constexpr std::uint64_t decode_here_max = 128 << 10;
constexpr std::uint64_t decode_job_bytes = 512 << 10;

}  // namespace

std::tuple<wire::SegmentId, std::uint64_t, std::uint64_t> place_of(const ChunkAt& at) {
    return {at.key.segment, at.first, at.key.check};
}

ChunkSource::ChunkSource(Loop& loop, object::Store& store, std::string volume, unsigned gets_max)
    : loop_(loop), store_(store), volume_(std::move(volume)), gets_(gets_max) {}

std::string ChunkSource::key_of(wire::SegmentId segment) const {
    return block::segment_key(volume_, segment);
}

std::vector<std::vector<ChunkAt>> ChunkSource::group(std::vector<ChunkAt> chunks,
                                                     std::uint64_t bytes_max) {
    std::ranges::sort(chunks, {}, place_of);
    std::vector<std::vector<ChunkAt>> groups;
    for (ChunkAt& at : chunks) {
        if (!groups.empty()) {
            const ChunkAt &first = groups.back().front(), &last = groups.back().back();
            if (last.key.segment == at.key.segment && at.first >= last.last() &&
                at.first - last.last() <= gap_bytes_max && at.last() - first.first <= bytes_max) {
                groups.back().push_back(at);
                continue;
            }
        }
        groups.emplace_back().push_back(at);
    }
    return groups;
}

Task<std::vector<Buffer>> ChunkSource::load(const std::vector<ChunkAt>& group) {
    const auto turn = co_await gets_.hold();
    std::vector<object::ByteRange> ranges;
    ranges.reserve(group.size());
    for (const ChunkAt& at : group) ranges.push_back({at.first, at.stored});
    const std::string key = key_of(group[0].key.segment);
    auto got = co_await result(store_.get_ranges(key, std::move(ranges)));
    if (!got) {
        std::string& why = got.error().context;
        why = fmt::format("object {}{}{}", key, why.empty() ? "" : ": ", why);
    }
    co_return got;
}

Task<std::vector<Result<Buffer>>> ChunkSource::fetch(const std::vector<ChunkAt>& group) {
    auto stored = co_await result(load(group));
    if (stored) co_return co_await decode_all(group, std::move(*stored));
    if (stored.error().code == ERANGE && group.size() > 1)
        co_return co_await fetch_one_by_one(group);
    co_return std::vector(group.size(), Result<Buffer>(std::unexpected(stored.error())));
}

Task<std::vector<Result<Buffer>>> ChunkSource::fetch_one_by_one(const std::vector<ChunkAt>& group) {
    std::vector<Result<Buffer>> data;
    data.reserve(group.size());
    for (const ChunkAt& at : group) {
        const std::vector<ChunkAt> one{at};
        auto fetched = co_await result(fetch(one));
        if (fetched) data.push_back(std::move(fetched->front()));
        else data.push_back(std::unexpected(std::move(fetched.error())));
    }
    co_return data;
}

Result<Buffer> ChunkSource::decode(const Buffer& stored, const ChunkAt& at) const {
    auto data = at.form == wire::FrameForm::chunked
                    ? block::decode_chunk(stored, {at.key.check, at.key.number})
                    : block::decode_frame(stored, at.key.check);
    if (data && data->size() > at.decoded) data = fail(EIO, "the frame is longer than a block");
    if (!data)
        data = fail(EIO, fmt::format("segment {:016x} at {}: {} (object {})", at.key.segment,
                                     at.key.pos, data.error().context, key_of(at.key.segment)));
    return data;
}

Task<std::vector<Result<Buffer>>> ChunkSource::decode_all(const std::vector<ChunkAt>& group,
                                                          std::vector<Buffer> stored) {
    std::vector<Result<Buffer>> data(group.size());
    const auto work = [&](std::size_t first, std::size_t last) -> Result<void> {
        for (std::size_t i = first; i < last; ++i) {
            data[i] = decode(stored[i], group[i]);
            stored[i] = {};
        }
        return {};
    };
    std::vector<Task<void>> jobs;
    std::size_t first = 0, bytes = 0;
    for (std::size_t i = 0; i < group.size(); ++i) {
        bytes += std::max(group[i].stored, group[i].decoded);
        if (bytes < decode_job_bytes && i + 1 < group.size()) continue;
        if (bytes <= decode_here_max) co_await work(first, i + 1);
        else jobs.push_back(offload(loop_, [&work, first, i] { return work(first, i + 1); }));
        first = i + 1;
        bytes = 0;
    }
    if (!jobs.empty()) co_await task::all(std::move(jobs));
    co_return data;
}

}  // namespace flexfs::cache
