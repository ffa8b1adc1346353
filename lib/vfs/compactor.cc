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
// From here on a block is not waited for to be left alone.
constexpr std::size_t extents_urgent = 64;
constexpr std::size_t noted_max = 4096;
constexpr Duration quiet_min = 3s;
// Between two segments: bounds what it takes from those who wait for the store.
constexpr Duration pause = 2s;

}  // namespace

Compactor::Compactor(Loop& loop, Session& session, Nodes& nodes, cache::Packer& packer,
                     cache::Frames& frames)
    : loop_(loop), session_(session), nodes_(nodes), packer_(packer), frames_(frames) {
    scope_.start(run());
}

void Compactor::note(Ino ino, std::uint64_t idx, std::size_t extents) {
    if (extents <= extents_max || session_.read_only()) return;
    // What does not fit is noticed again by whoever reads or writes it next.
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

// What the block's extents lead to, as few pieces as its holes allow. False: there is nothing to
// gain any more.
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
    std::vector<cache::FrameAt> wanted;
    for (const Source& source : sources) wanted.push_back(source.frame);
    frames_.fetch(std::move(wanted));

    std::uint64_t next = UINT64_MAX;
    for (const Source& source : sources) {
        const cache::FramePtr frame = co_await frames_.get(source.frame);
        const std::uint64_t size = source.range.last - source.range.first;
        if (source.skip + size > frame->size()) co_return fail(EIO, "a frame is too short");
        if (source.range.first != next) {
            const auto off = static_cast<std::uint32_t>(source.range.first - start);
            pieces.push_back({{block.ino, block.idx, off}, {}});
            ++plan.pieces;
        }
        frame->append_to(pieces.back().data, source.skip, size);
        next = source.range.last;
    }
    for (const Extent& row : rows.extents) plan.request.expected.push_back(row.seq);
    plan.request.ino = block.ino;
    plan.request.idx = block.idx;
    co_return plan.pieces < rows.extents.size();
}

Task<void> Compactor::compact(std::vector<Block> blocks) {
    std::vector<Plan> plans;
    std::vector<cache::Piece> pieces;
    for (const Block& block : blocks) {
        Plan plan;
        plan.first_piece = pieces.size();
        const auto gains = co_await result(read(block, plan, pieces));
        if (gains && *gains) plans.push_back(std::move(plan));
        else pieces.resize(plan.first_piece);
    }
    if (pieces.empty()) co_return;
    const cache::Packed packed = co_await packer_.pack(std::move(pieces));
    // Only an answer that means "refused" says that a row does not lead to the segment: a call that
    // was cancelled or whose answer was lost may have been executed all the same.
    bool unused = true;
    for (Plan& plan : plans) {
        const auto first = packed.extents.begin() + static_cast<std::ptrdiff_t>(plan.first_piece);
        plan.request.replacement.assign(first, first + static_cast<std::ptrdiff_t>(plan.pieces));
        plan.request.segments.push_back(packed.segment);
        const Ino ino = plan.request.ino;
        const std::uint64_t idx = plan.request.idx;
        // EAGAIN: somebody wrote the block meanwhile, and will notice it again.
        const auto done = co_await result(session_.call(std::move(plan.request)));
        unused &= wire::fate_of(done) == wire::Fate::refused;
        if (Node* node = nodes_.find(ino); node && node->file)
            node->file->stored().forget_blocks({idx, idx + 1});
    }
    if (unused) co_await packer_.discard(packed.segment.segment);
}

}  // namespace flexfs::vfs
