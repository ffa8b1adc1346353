#include "lib/vfs/reader.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/base/log.h"
#include "lib/vfs/paths.h"

namespace flexfs::vfs {
namespace {

using wire::page_bytes;
constexpr std::size_t zero_bytes = 128 << 10;
// When the known extents of one file take more memory than this, they are forgotten and learned
// anew.
constexpr std::size_t extents_bytes_max = 8 << 20;
// The extents of this many blocks are asked for together, so that a scan does not ask for each
// block.
constexpr std::uint64_t extent_blocks = 256;
// Segments are repacked from time to time. If the objects that extents refer to are gone, the
// extents are asked for again, up to this often.
constexpr int tries_max = 3;
// A single read at the beginning of a file does not suggest that more follow.
constexpr unsigned in_order_min = 2;
// The smallest and the largest read-ahead of a sequential reader. The largest keeps twice the
// concurrent requests busy.
constexpr std::uint64_t window_min = 1 << 20, window_max = 64 << 20;
// The memory of a longer scan is reused at once, because the kernel keeps the data anyway.
constexpr std::uint64_t scan_bytes_min = 64 << 20;

Error where(const Node& node, Range range, const Error& why) {
    return {why.code, fmt::format("inode {} bytes {} to {}: {}", node.ino(), range.first,
                                  range.last, why.context)};
}

bool is_unknown(const Source& source) {
    return source.kind == Source::Kind::unknown;
}

std::vector<cache::FramePart> parts_of(const std::vector<Source>& sources) {
    std::vector<cache::FramePart> parts;
    for (const Source& source : sources)
        if (source.kind == Source::Kind::frame)
            parts.push_back({source.frame, source.skip,
                             static_cast<std::uint32_t>(source.range.last - source.range.first)});
    return parts;
}

}  // namespace

Reader::Reader(Session& session, Nodes& nodes, const NameCache& names, cache::ChunkCache& chunks,
               cache::Budget& budget, Compactor& compactor)
    : session_(session),
      nodes_(nodes),
      names_(names),
      chunks_(chunks),
      budget_(budget),
      compactor_(compactor),
      window_max_(std::clamp<std::uint64_t>(budget.limit() / 8, window_min, window_max)),
      step_bytes_max_(
          std::max(budget.limit() / 8,
                   std::min<std::uint64_t>(budget.limit() / 2, 3 * session.volume().block_bytes))) {
    WritableBuffer zeros(zero_bytes);
    std::ranges::fill(zeros.bytes(), std::byte{0});
    zeros_ = std::move(zeros).freeze();
}

Task<std::vector<Buffer>> Reader::read(NodeRef node, Range range, ReadAhead& ahead) {
    for (int tried = 1;; ++tried) {
        auto data = co_await result(read_once(node, range, tried == 1 ? &ahead : nullptr));
        // ESTALE is an answer: the file is gone.
        if (data || data.error().code == ECANCELED || data.error().code == ESTALE) co_return data;
        if (data.error().code != ENOENT || tried == tries_max) {
            complain(*node, data.error());
            co_return fail(EIO, data.error().context);
        }
        node->file()->stored().forget_extents();
    }
}

Task<std::vector<Source>> Reader::sources(NodeRef node, Range range) {
    std::vector<Source> sources = node->file()->sources(range);
    if (std::ranges::any_of(sources, is_unknown)) {
        co_await learn_extents(node, range);
        sources = node->file()->sources(range);
    }
    if (std::ranges::any_of(sources, is_unknown)) co_return fail(ENOENT, "extents are revoked");
    co_return sources;
}

Task<std::vector<Buffer>> Reader::read_once(NodeRef node, Range range, ReadAhead* ahead) {
    std::vector<Source> sources = co_await this->sources(node, range);
    std::vector<cache::FramePart> parts = parts_of(sources);
    std::uint64_t most = chunks_.memory_for(parts);
    if (most > step_bytes_max_ && range.last - range.first > 1)
        co_return co_await read_in_steps(node, range);

    std::optional<cache::Reservation> memory = chunks_.reserve(parts);
    while (!memory) {
        sources.clear();  // unsent data among them is memory, too
        cache::Account account(budget_);
        co_await account.take(most);
        sources = node->file()->sources(range);
        parts = parts_of(sources);
        const bool known = std::ranges::none_of(sources, is_unknown);
        if (known && chunks_.memory_for(parts) <= account.bytes()) {
            memory = account.hand_over();
            break;
        }
        // The file changed meanwhile.
        account.hand_over().shrink(0);
        sources = co_await this->sources(node, range);
        parts = parts_of(sources);
        most = chunks_.memory_for(parts);
        memory = chunks_.reserve(parts);
    }
    cache::ChunkCache::Step step = chunks_.begin(parts, std::move(*memory));
    if (ahead) look_ahead(*node->file(), *ahead, range, step.waits());
    auto fetched = co_await result(chunks_.finish(std::move(step)));
    if (!fetched) co_return fail(where(*node, range, fetched.error()));
    if (ahead && ahead->bytes > scan_bytes_min) chunks_.pass(parts);
    co_return assemble(std::move(sources), std::move(*fetched));
}

// The copy is memory of the request, not of the budget.
Task<std::vector<Buffer>> Reader::read_in_steps(NodeRef node, Range range) {
    WritableBuffer whole(range.last - range.first);
    std::byte* to = whole.data();
    for (std::uint64_t at = range.first; at < range.last;) {
        std::uint64_t end = range.last;
        co_await learn_extents(node, {at, end});
        while (end - at > 1 &&
               chunks_.memory_for(parts_of(node->file()->sources({at, end}))) > step_bytes_max_)
            end = at + (end - at) / 2;
        const std::vector<Buffer> pieces = co_await read_once(node, {at, end}, nullptr);
        for (const Buffer& piece : pieces) to = std::ranges::copy(piece.view(), to).out;
        at = end;
    }
    co_return std::vector<Buffer>{std::move(whole).freeze()};
}

void Reader::complain(const Node& node, const Error& why) {
    ++failures_;
    if (complained_of_ != node.ino()) {
        complained_of_ = node.ino();
        its_path_ = path_of(nodes_, names_, node);
    }
    log::error("{}{}{}", its_path_, its_path_.empty() ? "" : ": ", why.message());
}

Task<void> Reader::learn_extents(NodeRef node, Range range) {
    co_await learn_blocks(node, node->file()->blocks(range), extent_blocks);
}

// Programs learn from seek how large the pieces of a file are.
Task<std::uint64_t> Reader::seek(NodeRef node, std::uint64_t offset, bool data) {
    const File& file = *node->file();
    std::uint64_t page = offset - offset % page_bytes;  // there is no hole from `offset` up to here
    while (page < file.size()) {
        const std::uint64_t begin = co_await next(node, page, true);
        const bool none = begin >= file.size();
        if (data) co_return none ? begin : std::max(offset, begin - begin % page_bytes);
        if (none || begin >= page + page_bytes) co_return std::max(offset, page);
        const std::uint64_t end = co_await next(node, begin, false);
        page = (end + page_bytes - 1) / page_bytes * page_bytes;
    }
    co_return file.size();
}

// A hole of a terabyte takes one answer, because only blocks that have extents count towards the
// limit of an answer.
Task<std::uint64_t> Reader::next(NodeRef node, std::uint64_t offset, bool data) {
    File& file = *node->file();
    for (;;) {
        const File::Place place = data ? file.next_data(offset) : file.next_hole(offset);
        if (!place.unknown) co_return place.offset;
        offset = place.offset;
        const std::uint64_t idx = offset / file.block_bytes;
        co_await learn_blocks(node, {idx, idx + 1}, UINT64_MAX - idx);
    }
}

// Learns the extents of the blocks, and of `ahead` blocks from the first unknown one on, as far as
// one answer goes.
Task<void> Reader::learn_blocks(NodeRef node, Range blocks, std::uint64_t ahead) {
    File& file = *node->file();
    while (true) {
        const std::uint64_t first =
            file.stored().extents().first_unknown(blocks.first, blocks.last);
        if (first >= blocks.last) co_return;
        if (file.stored().extents().memory_bytes() > extents_bytes_max)
            file.stored().forget_extents();
        wire::Extents request;
        request.ino = node->ino();
        request.first = first;
        request.count = std::max(blocks.last - first, ahead);
        const wire::ExtentList reply = co_await session_.call(std::move(request));
        node->granted(reply.grant);
        nodes_.learn_attr(reply.attr);
        if (auto learned = file.stored().learn_inline(reply.inline_data, reply.inline_bytes,
                                                      reply.inline_version);
            !learned) {
            complain(*node, learned.error());
            co_await std::move(learned);
        }
        std::uint64_t last = first + std::max(blocks.last - first, ahead);
        if (reply.more && !reply.extents.empty()) last = reply.extents.back().idx + 1;
        file.stored().learn_extents(first, last, reply.extents);
        for (std::uint64_t idx = UINT64_MAX; const Extent& extent : reply.extents) {
            if (extent.idx == idx) continue;
            idx = extent.idx;
            compactor_.note(node->ino(), idx, file.stored().extents().block(idx).size());
        }
    }
}

Buffer Reader::zeros(std::uint64_t bytes) {
    return zeros_.slice(0, std::min<std::uint64_t>(bytes, zeros_.size()));
}

std::vector<Buffer> Reader::assemble(std::vector<Source> sources, std::vector<Buffer> fetched) {
    if (sources.size() == 1 && sources[0].kind == Source::Kind::frame) return fetched;
    std::vector<Buffer> data;
    data.reserve(sources.size() + fetched.size());
    auto next = fetched.begin();
    for (Source& source : sources) {
        std::uint64_t size = source.range.last - source.range.first;
        if (source.kind == Source::Kind::memory) {
            data.push_back(std::move(source.bytes));
        } else if (source.kind == Source::Kind::frame) {
            for (; size > 0; size -= data.back().size()) data.push_back(std::move(*next++));
        } else {
            for (; size > 0; size -= data.back().size()) data.push_back(zeros(size));
        }
    }
    return data;
}

void Reader::look_ahead(const File& file, ReadAhead& state, Range range, bool waited) {
    if (range.first != state.next) state = {};
    state.next = range.last;
    state.bytes += range.last - range.first;
    if (++state.in_order < in_order_min) return;
    state.until = std::max(state.until, range.last);
    if (state.window == 0) state.window = window_min;
    else if (waited) state.window = std::min(state.window * 2, window_max_);
    const std::uint64_t end = std::min(range.last + state.window, file.size());
    // Read-ahead starts when half of the window is used up, not at every small read.
    if (state.until >= end || state.until - range.last > state.window / 2) return;

    std::vector<Source> wanted = file.sources({state.until, end});
    wanted.erase(std::ranges::find_if(wanted, is_unknown), wanted.end());
    const std::vector<cache::FramePart> parts = parts_of(wanted);
    state.until = end;
    // Without memory or a free request, less is read ahead.
    if (chunks_.prefetch(parts) < parts.size())
        state.window = std::max(state.window / 2, window_min);
}

}  // namespace flexfs::vfs
