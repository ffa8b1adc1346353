#include "lib/upkeep/repacker.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/loop/pool.h"
#include "lib/upkeep/segment_reader.h"

namespace flexfs::upkeep {
namespace {

constexpr std::size_t scanned_rows = 1000;        // of the table of segments, at a time
constexpr std::uint64_t moved_bytes = 8 << 20;    // per step, approximately; held in memory
constexpr std::uint64_t fetched_bytes = 1 << 20;  // with one request, if frames lie close together
constexpr std::size_t blocks_per_turn = 256;
constexpr std::size_t setbacks_max = 65536;

}  // namespace

Task<bool> Repacker::step() {
    const auto sparse = co_await next_sparse();
    if (sparse.empty()) co_return cursor_ != 0;
    std::vector<Frame> frames;
    std::set<Block> blocks;
    std::size_t readable = 0;
    for (const auto& segment : sparse) {
        store_failed_ = false;
        const auto gathered = co_await result(gather(segment, frames, blocks));
        if (gathered) {
            setbacks_.erase(segment.id);
            ++readable;
            continue;
        }
        if (gathered.error().code == ECANCELED) co_await gathered;
        set_back(segment.id, gathered.error());
    }
    if (frames.empty()) co_return cursor_ != 0;

    block::SegmentBuilder builder(co_await new_segment());
    Moves moves;
    for (Frame& frame : frames)
        moves[{frame.segment, frame.pos}] = builder.add(std::move(frame.bytes));
    const wire::SegmentUse target{builder.id(), builder.bytes()};
    co_await store_.put(key(target.segment), builder.finish());
    co_await move(std::move(blocks), std::move(moves), target);
    repacked_ += readable;
    co_return cursor_ != 0;
}

// Leaves out recent segments, of which not everything may be committed yet.
Result<std::vector<meta::SegmentState>> Repacker::next_sparse() {
    std::vector<meta::SegmentState> sparse;
    TRY(const auto segments, volume_.segments(cursor_, scanned_rows));
    std::uint64_t bytes = 0;
    for (const auto& segment : segments) {
        if (bytes >= moved_bytes) return sparse;
        cursor_ = segment.id;
        const auto worth = static_cast<double>(segment.bytes) * options_.repack_below;
        const bool settled = options_.clock() - segment.since >= options_.repack_age.count();
        if (segment.live == 0 || static_cast<double>(segment.live) >= worth || !settled ||
            is_set_back(segment.id))
            continue;
        bytes += segment.live;
        sparse.push_back(segment);
    }
    if (segments.size() < scanned_rows) {
        cursor_ = 0;
        forget_old_setbacks();
    }
    return sparse;
}

bool Repacker::is_set_back(SegmentId segment) const {
    const auto setback = setbacks_.find(segment);
    return setback != setbacks_.end() && loop_.now() < setback->second.until;
}

// If the store does not answer, that says nothing about the segment; frames that files share may
// become the property of one file. Both are tried again, at growing intervals. A damaged segment
// stays damaged, so it is tried again much later.
void Repacker::set_back(SegmentId segment, const Error& why) {
    const bool passes = store_failed_ || why.code == EAGAIN;
    if (setbacks_.size() >= setbacks_max) setbacks_.erase(setbacks_.begin());
    Setback& setback = setbacks_[segment];
    setback.pause = passes
                        ? std::clamp(setback.pause * 2, options_.retry_first, options_.retry_last)
                        : options_.hopeless;
    setback.until = loop_.now() + setback.pause;
    if (why.code == EAGAIN) return;
    log::warn("cannot repack segment {}, trying again in {}: {}", segment,
              format_duration(setback.pause), why.message());
}

// Forgets the setbacks of segments that no longer exist.
void Repacker::forget_old_setbacks() {
    const Duration now = loop_.now();
    std::erase_if(setbacks_, [&](const auto& entry) {
        return now - entry.second.until > 2 * options_.hopeless;
    });
}

Task<void> Repacker::gather(meta::SegmentState segment, std::vector<Frame>& frames,
                            std::set<Block>& blocks) {
    block::Footer footer =
        co_await read_footer(store_, key(segment.id), segment.id, segment.bytes, store_failed_);
    const Found found = co_await live_frames(segment, std::move(footer));
    co_await fetch(segment.id, found.frames, frames);
    blocks.insert(found.blocks.begin(), found.blocks.end());
}

// The footer names the blocks for which the frames were put. Extents of other blocks that came to
// share the frames later are not found this way; then the segment stays as it is.
Task<Repacker::Found> Repacker::live_frames(meta::SegmentState segment, block::Footer footer) {
    Found found;
    std::set<std::uint32_t> alive;
    std::set<Block> looked_at;
    std::uint64_t live = 0;
    for (const block::SegmentEntry& entry : footer.entries) {
        const Block block{entry.info.ino, entry.info.idx};
        if (!looked_at.insert(block).second) continue;
        if (looked_at.size() % blocks_per_turn == 0) co_await loop_.sleep(options_.turn_pause);
        const auto rows = volume_.read(wire::Extents{block.first, block.second, 1});
        const bool gone = code_of(rows) == ENOENT || code_of(rows) == ESTALE;
        if (gone) continue;
        if (!rows) co_return fail(rows.error());
        bool any = false;
        for (const wire::Extent& extent : rows->extents) {
            if (extent.segment != segment.id) continue;
            any = true;
            live += extent.stored;
            alive.insert(extent.pos);
        }
        if (any) found.blocks.push_back(block);
    }
    if (live != segment.live) co_return fail(EAGAIN, "files share its frames, or it has changed");
    for (const block::SegmentEntry& entry : footer.entries)
        if (alive.contains(entry.pos)) found.frames.push_back(entry);
    co_return found;
}

// Frames are verified, because the old copy, which may be the only good one, is deleted later. They
// are copied so that they do not keep the whole fetched range in memory.
Task<void> Repacker::fetch(SegmentId id, std::vector<block::SegmentEntry> entries,
                           std::vector<Frame>& frames) {
    std::vector<Frame> fetched;
    for (std::size_t at = 0; at < entries.size();) {
        const Run run = next_run(entries, at, fetched_bytes);
        const Buffer range =
            co_await read_part(store_, key(id), run.offset, run.bytes, store_failed_);
        for (; at < run.end; ++at) {
            const block::SegmentEntry& entry = entries[at];
            const Buffer stored =
                Buffer::copy_of(range.slice(entry.pos - run.offset, entry.stored).view());
            co_await offload(loop_, [stored, check = entry.check]() -> Result<void> {
                TRY(block::decode_frame(stored, check));
                return {};
            });
            fetched.push_back({id,
                               entry.pos,
                               {.info = entry.info,
                                .header = stored.slice(0, block::header_bytes),
                                .body = {stored.slice(block::header_bytes)},
                                .check = entry.check,
                                .stored = entry.stored,
                                .decoded = entry.decoded}});
        }
    }
    std::ranges::move(fetched, std::back_inserter(frames));
}

Task<meta::Reply> Repacker::apply(wire::SessionId session, meta::Request request) {
    std::vector<meta::Request> requests{std::move(request)};
    auto replies = co_await service_.apply(session, std::move(requests));
    co_return std::move(replies.front());
}

Task<Repacker::SegmentId> Repacker::new_segment() {
    if (session_ == 0 || !volume_.is_open(session_)) {
        wire::OpenSession request{.client = std::string(service::own_client)};
        const meta::Reply opened = co_await apply(0, std::move(request));
        session_ = std::get<wire::Session>(opened).session;
    }
    const meta::Reply range = co_await apply(session_, wire::ReserveSegments{1});
    co_await service_.sync();  // the id must not be assigned again after a power failure
    co_return std::get<wire::SegmentRange>(range).first;
}

Task<void> Repacker::move(std::set<Block> blocks, Moves moves, wire::SegmentUse target) {
    for (auto block = blocks.begin(); block != blocks.end();) {
        std::vector<meta::Request> requests;
        for (; block != blocks.end() && requests.size() < blocks_per_turn; ++block)
            if (auto request = move_block(*block, moves, target))
                requests.push_back(std::move(*request));
        const auto replies = co_await service_.apply(session_, std::move(requests));
        for (const Result<meta::Reply>& reply : replies) {
            // The block was written or the file removed meanwhile; what still refers to the old
            // frame stays.
            const int code = code_of(reply);
            if (code != 0 && code != EAGAIN && code != ESTALE) co_await fail(reply.error());
        }
        co_await loop_.sleep(options_.turn_pause);
    }
}

// Returns nothing if the block no longer refers to any of the frames.
std::optional<wire::Compact> Repacker::move_block(Block block, const Moves& moves,
                                                  wire::SegmentUse target) {
    const auto [ino, idx] = block;
    auto rows = volume_.read(wire::Extents{ino, idx, 1});
    if (!rows) return std::nullopt;
    wire::Compact request{.ino = ino, .idx = idx, .segments = {target}};
    std::erase_if(rows->extents, [](const wire::Extent& row) { return row.is_unwritten(); });
    bool any = false;
    for (wire::Extent& extent : rows->extents) {
        request.expected.push_back(extent.seq);
        const auto to = moves.find({extent.segment, extent.pos});
        if (to == moves.end()) continue;
        any = true;
        extent.segment = target.segment;
        extent.pos = to->second;
    }
    if (!any) return std::nullopt;
    request.replacement = std::move(rows->extents);
    return request;
}

}  // namespace flexfs::upkeep
