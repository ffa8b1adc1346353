#include "lib/vfs/reader.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/base/log.h"

namespace flexfs::vfs {
namespace {

using wire::page_bytes;
constexpr std::size_t zero_bytes = 128 << 10;
// What is known of one file's extents is begun anew when it takes more.
constexpr std::size_t extents_bytes_max = 4 << 20;
// Blocks whose extents are asked for together, so that a scan does not ask for each.
constexpr std::uint64_t extent_blocks = 256;
// Segments are repacked now and then: extents that lead nowhere are asked for again this often.
constexpr int tries_max = 3;
// One read at the beginning of a file is no evidence of more to come.
constexpr unsigned in_order_min = 2;

Error where(const Node& node, const Source& source, const Error& why) {
    return {why.code, fmt::format("inode {} bytes {} to {}, segment {:016x} at {}: {}",
                                  node.attr.ino, source.range.first, source.range.last,
                                  source.frame.segment, source.frame.pos,
                                  why.context.empty() ? "there is no such object" : why.context)};
}

constexpr int folders_max = 256;  // of a path that is told

// "/folder/file"; "…/file" where the folder's name is not known (any more), "" without its own.
std::string path_of(Nodes& nodes, const Names& names, const Node& node) {
    std::string path;
    const Attr* attr = &node.attr;
    for (int depth = 0; depth < folders_max && attr->ino != wire::root_ino; ++depth) {
        const std::string name = names.name_of(attr->parent, attr->ino);
        if (name.empty()) return path.empty() ? path : "…" + path;
        path = "/" + name + path;
        if (attr->parent == wire::root_ino) return path;
        const Node* parent = nodes.find(attr->parent);
        if (!parent) break;
        attr = &parent->attr;
    }
    return "…" + path;
}

bool is_unknown(const Source& source) {
    return source.kind == Source::Kind::unknown;
}

}  // namespace

Reader::Reader(Session& session, Nodes& nodes, const Names& names, cache::Frames& frames,
               cache::Budget& budget, Compactor& compactor)
    : session_(session),
      nodes_(nodes),
      names_(names),
      frames_(frames),
      compactor_(compactor),
      window_max_(std::max<std::uint64_t>(budget.limit() / 8, session.volume().block_bytes)) {
    WritableBuffer zeros(zero_bytes);
    std::ranges::fill(zeros.bytes(), std::byte{0});
    zeros_ = std::move(zeros).freeze();
}

Task<std::vector<Buffer>> Reader::read(NodeRef node, Range range, ReadAhead& ahead) {
    for (int tried = 1;; ++tried) {
        std::vector<Source> sources = node->file->sources(range);
        if (std::ranges::any_of(sources, is_unknown)) {
            co_await learn_extents(node, range);
            sources = node->file->sources(range);
        }
        // All that must be fetched sets out before the first is waited for.
        std::vector<cache::FrameAt> missing;
        for (const Source& source : sources)
            if (source.kind == Source::Kind::frame && !frames_.has(source.frame))
                missing.push_back(source.frame);
        const bool waited = !missing.empty();
        if (waited) frames_.fetch(std::move(missing));
        if (tried == 1) look_ahead(*node->file, ahead, range, waited);

        auto data = co_await result(gather(node, std::move(sources)));
        if (data || data.error().code == ECANCELED) co_return data;
        if (data.error().code != ENOENT || tried == tries_max) {
            complain(*node, data.error());
            co_return fail(EIO, data.error().context);
        }
        node->file->stored().forget_extents();
    }
}

void Reader::complain(const Node& node, const Error& why) {
    if (complained_of_ != node.attr.ino) {
        complained_of_ = node.attr.ino;
        its_path_ = path_of(nodes_, names_, node);
    }
    log::error("{}{}{}", its_path_, its_path_.empty() ? "" : ": ", why.message());
}

Task<void> Reader::learn_extents(NodeRef node, Range range) {
    co_await learn_blocks(node, node->file->blocks(range), extent_blocks);
}

// Programs learn from it how large the pieces are that a file is made of.
Task<std::uint64_t> Reader::seek(NodeRef node, std::uint64_t offset, bool data) {
    const File& file = *node->file;
    std::uint64_t page = offset - offset % page_bytes;  // no hole from `offset` up to there
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

// A hole of a terabyte is one answer: the blocks that have extents are what an answer counts.
Task<std::uint64_t> Reader::next(NodeRef node, std::uint64_t offset, bool data) {
    File& file = *node->file;
    for (;;) {
        const File::Place place = data ? file.next_data(offset) : file.next_hole(offset);
        if (!place.unknown) co_return place.offset;
        offset = place.offset;
        const std::uint64_t idx = offset / file.block_bytes;
        co_await learn_blocks(node, {idx, idx + 1}, UINT64_MAX - idx);
    }
}

// Of the blocks, and of `ahead` from the first unknown one, as far as one answer goes.
Task<void> Reader::learn_blocks(NodeRef node, Range blocks, std::uint64_t ahead) {
    File& file = *node->file;
    while (true) {
        const std::uint64_t first =
            file.stored().extents().first_unknown(blocks.first, blocks.last);
        if (first >= blocks.last) co_return;
        if (file.stored().extents().memory_bytes() > extents_bytes_max)
            file.stored().forget_extents();
        wire::Extents request;
        request.ino = node->attr.ino;
        request.first = first;
        request.count = std::max(blocks.last - first, ahead);
        const wire::ExtentList reply = co_await session_.call(std::move(request));
        if (node->grant != Grant::exclusive) node->grant = reply.grant;
        nodes_.learn_attr(reply.attr);
        if (auto learned = file.stored().learn_inline(reply.inline_data, reply.inline_bytes);
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
            compactor_.note(node->attr.ino, idx, file.stored().extents().block(idx).size());
        }
    }
}

Buffer Reader::zeros(std::uint64_t bytes) {
    return zeros_.slice(0, std::min<std::uint64_t>(bytes, zeros_.size()));
}

Task<std::vector<Buffer>> Reader::gather(NodeRef node, std::vector<Source> sources) {
    std::vector<Buffer> data;
    data.reserve(sources.size());
    for (Source& source : sources) {
        std::uint64_t size = source.range.last - source.range.first;
        if (source.kind == Source::Kind::memory) {
            data.push_back(std::move(source.bytes));
        } else if (source.kind == Source::Kind::hole || source.kind == Source::Kind::unwritten) {
            for (; size > 0; size -= data.back().size()) data.push_back(zeros(size));
        } else if (source.kind == Source::Kind::unknown) {
            co_return fail(ENOENT);  // revoked at once
        } else {
            cache::FramePtr frame = frames_.find(source.frame);
            if (!frame) {
                auto fetched = co_await result(frames_.get(source.frame));
                if (!fetched) co_return fail(where(*node, source, fetched.error()));
                frame = std::move(*fetched);
            }
            if (source.skip + size > frame->size())
                co_return fail(where(*node, source, {EIO, "the frame is shorter than its extent"}));
            frame->append_to(data, source.skip, size);
        }
    }
    co_return data;
}

void Reader::look_ahead(const File& file, ReadAhead& state, Range range, bool waited) {
    if (range.first != state.next) state = {};
    state.next = range.last;
    if (++state.in_order < in_order_min) return;
    state.until = std::max(state.until, range.last);
    if (state.window == 0) state.window = file.block_bytes;
    else if (waited) state.window = std::min(state.window * 2, window_max_);
    const std::uint64_t end = std::min(range.last + state.window, file.size());
    // Not for every little read: when half of the window is used up.
    if (state.until >= end || state.until - range.last > state.window / 2) return;

    std::vector<cache::FrameAt> wanted;
    for (const Source& source : file.sources({state.until, end})) {
        if (source.kind == Source::Kind::unknown) break;
        if (source.kind == Source::Kind::frame) wanted.push_back(source.frame);
    }
    state.until = end;
    // No memory, or no free request: it gets by with less ahead.
    if (frames_.prefetch(wanted) < wanted.size())
        state.window = std::max<std::uint64_t>(state.window / 2, file.block_bytes);
}

}  // namespace flexfs::vfs
