#include "lib/vfs/compactor.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/log.h"
#include "lib/block/segment.h"
#include "lib/wire/fate.h"

namespace flexfs::vfs {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t extents_max = 8;
// From this many extents on, a block is compacted without waiting until it is left alone.
constexpr std::size_t extents_urgent = 64;
constexpr std::size_t noted_max = 4096;
constexpr Duration quiet_min = 3s;
// The pause between two segments limits the share of the store's bandwidth.
constexpr Duration pause = 2s;

}  // namespace

Compactor::Compactor(Loop& loop, Session& session, Nodes& nodes, cache::Packer& packer,
                     cache::ChunkCache& chunks, cache::Budget& budget)
    : loop_(loop),
      session_(session),
      nodes_(nodes),
      packer_(packer),
      chunks_(chunks),
      budget_(budget) {
    scope_.start(run());
}

void Compactor::note(Ino ino, std::uint64_t idx, std::size_t extents) {
    if (extents <= extents_max || session_.read_only()) return;
    // A block that does not fit is noted again when it is read or written the next time.
    if (noted_.size() >= noted_max && !noted_.contains({ino, idx})) return;
    Noted& noted = noted_[{ino, idx}];
    noted.last = loop_.now();
    noted.urgent |= extents > extents_urgent;
    came_.wake_all();
}

std::vector<Compactor::Block> Compactor::due(Duration quiet) {
    const std::size_t most =
        std::max<std::size_t>(1, block::segment_bytes_target / session_.volume().block_bytes);
    std::vector<Block> blocks;
    const Duration now = loop_.now();
    for (auto at = noted_.begin(); at != noted_.end() && blocks.size() < most;) {
        const bool ready = at->second.urgent || now - at->second.last >= quiet;
        if (ready) blocks.push_back(at->first);
        at = ready ? noted_.erase(at) : std::next(at);
    }
    return blocks;
}

Task<void> Compactor::run() {
    for (;;) {
        while (noted_.empty()) co_await came_.wait();
        co_await loop_.sleep(pause);
        if (auto blocks = due(quiet_min); !blocks.empty()) {
            const auto outcome = co_await result(compact(std::move(blocks)));
            if (!outcome) log::debug("compacting: {}", outcome.error().message());
        }
    }
}

Task<void> Compactor::run_all() {
    while (!noted_.empty()) co_await compact(due({}));
}

void Compactor::try_later(const Block& block) {
    noted_[block].last = loop_.now();
}

// Reads the data of the block's extents, in as few pieces as its holes allow. The memory for it is
// taken before anything is fetched and belongs to the pieces. Returns false if compacting gains
// nothing.
Task<bool> Compactor::read(Block block, Plan& plan, std::vector<cache::Piece>& pieces) {
    wire::Extents request;
    request.ino = block.ino;
    request.first = block.idx;
    request.count = 1;
    wire::ExtentList rows = co_await session_.call(std::move(request));
    std::erase_if(rows.extents, [](const Extent& row) { return row.is_unwritten(); });
    if (rows.extents.size() <= extents_max || rows.more) co_return false;

    File stored(session_.volume().block_bytes);
    stored.stored().learn_extents(block.idx, block.idx + 1, rows.extents);
    const std::uint64_t start = block.idx * stored.block_bytes;
    std::vector<Source> sources = stored.sources({start, start + stored.block_bytes});
    std::erase_if(sources, [](const Source& s) { return s.kind != Source::Kind::frame; });
    std::vector<cache::FramePart> parts;
    std::uint64_t bytes = 0;
    for (Source& source : sources) {
        const auto size = static_cast<std::uint32_t>(source.range.last - source.range.first);
        parts.push_back({std::move(source.frame), source.skip, size});
        bytes += size;
    }
    auto memory = budget_.try_take(bytes + chunks_.memory_to_copy(parts));
    if (!memory) co_return fail(ENOBUFS);
    WritableBuffer data(bytes);
    std::vector<MutableBytes> into;
    std::size_t at = 0;
    for (const cache::FramePart& part : parts) {
        into.push_back(data.bytes().subspan(at, part.size));
        at += part.size;
    }
    co_await chunks_.copy(std::move(parts), std::move(into));
    memory->shrink(bytes);
    const Buffer all = cache::Budget::charge(std::move(data).freeze(), std::move(*memory));

    at = 0;
    for (auto source = sources.begin(); source != sources.end();) {
        const std::uint64_t first = source->range.first;
        std::uint64_t last = first;
        for (; source != sources.end() && source->range.first == last; ++source)
            last = source->range.last;
        const auto off = static_cast<std::uint32_t>(first - start);
        pieces.push_back({{block.ino, block.idx, off}, {all.slice(at, last - first)}});
        at += last - first;
        ++plan.pieces;
    }
    for (const Extent& row : rows.extents) plan.request.expected.push_back(row.seq);
    plan.request.ino = block.ino;
    plan.request.idx = block.idx;
    co_return plan.pieces < rows.extents.size();
}

Task<void> Compactor::compact(std::vector<Block> blocks) {
    std::vector<Plan> plans;
    std::vector<cache::Piece> pieces;
    bool has_room = true;
    for (const Block& block : blocks) {
        if (!has_room) {
            try_later(block);
            continue;
        }
        Plan plan;
        plan.first_piece = pieces.size();
        const auto gains = co_await result(read(block, plan, pieces));
        if (gains && *gains) plans.push_back(std::move(plan));
        else pieces.resize(plan.first_piece);
        has_room = gains || gains.error().code != ENOBUFS;
        if (!has_room) try_later(block);
    }
    if (pieces.empty()) {
        if (!has_room) co_await fail(ENOBUFS);
        co_return;
    }
    const cache::Packed packed = co_await packer_.pack(std::move(pieces));
    // Only an answer that means "refused" proves that no row refers to the segment: a call that was
    // cancelled or whose answer was lost may have been executed.
    bool unused = true;
    for (Plan& plan : plans) {
        const auto first = packed.extents.begin() + static_cast<std::ptrdiff_t>(plan.first_piece);
        plan.request.replacement.assign(first, first + static_cast<std::ptrdiff_t>(plan.pieces));
        plan.request.segments.push_back(packed.segment);
        const Ino ino = plan.request.ino;
        const std::uint64_t idx = plan.request.idx;
        // EAGAIN: the block was written meanwhile, and will be noted again.
        const auto done = co_await result(session_.call(std::move(plan.request)));
        unused &= wire::fate_of(done) == wire::Fate::refused;
        if (Node* node = nodes_.find(ino); node && node->file())
            node->file()->stored().forget_blocks({idx, idx + 1});
    }
    if (unused) co_await packer_.discard(packed.segment.segment);
}

}  // namespace flexfs::vfs
