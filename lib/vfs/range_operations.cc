#include "lib/vfs/range_operations.h"

#include <algorithm>
#include <cerrno>

#include "lib/vfs/carry_out.h"
#include "lib/vfs/data_change.h"

namespace flexfs::vfs {
namespace {

constexpr std::uint32_t erasing = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
// A copy of at most this size is copied, because the flush that sharing needs costs more.
constexpr std::uint64_t unshared_copy_max = 16 << 10;
// The size of the pieces in which bytes are copied that cannot be shared. After one piece the file
// is too long for the metadata, so the following bytes can be shared.
constexpr std::uint64_t copy_piece_bytes = 64 << 10;

// When space is reserved in up to this many blocks, their extents stay known.
constexpr std::uint64_t blocks_told = 256;

Result<void> check_end(std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t most = wire::file_bytes_max;
    return offset > most || length > most - offset ? fail(EFBIG) : Result<void>();
}

}  // namespace

RangeOperations::RangeOperations(Parts parts, AskSpace space)
    : session_(parts.session),
      nodes_(parts.nodes),
      handles_(parts.handles),
      flusher_(parts.flusher),
      reader_(parts.reader),
      writer_(parts.writer),
      quota_(parts.quota),
      access_(parts.access),
      space_(std::move(space)) {}

void RangeOperations::learn(Node& node, const wire::RangeDone& done) {
    node.granted(done.grant);
    nodes_.learn_attr(done.attr);
    // An answer to an earlier request may have brought back the inline data of before the change.
    if (node.is_exclusive() && node.file()->stored().inline_version() != done.inline_version)
        node.file()->stored().forget();
}

// Whether the volume seems to have space for `length` bytes, including those that the file has
// already.
Task<bool> RangeOperations::has_room(NodeRef node, std::uint64_t length) {
    const Filesystem::Space space = co_await space_();
    const std::uint64_t used = node->stat().used;
    co_return space.total_bytes == 0 || length <= used || length - used <= space.free_bytes;
}

Task<void> RangeOperations::allocate(HandleId id, std::uint32_t mode, std::uint64_t offset,
                                     std::uint64_t length, Kill kill) {
    const std::shared_ptr<OpenFile> handle = co_await handles_.file(id);
    if (!may_write(handle->flags())) co_await fail(EBADF);
    co_await check_end(offset, length);
    const NodeRef node = handle->node();
    wire::Allocate request{.ino = node->ino(), .mode = mode, .offset = offset, .length = length};
    request.kill_privileges = kill.privileges;
    request.kill_setgid = kill.setgid_too;
    Access::PrivilegeReport report(access_, *node, kill);
    const auto done = co_await result(allocate_range(node, std::move(request)));
    report.send();
    co_await done;
}

Task<void> RangeOperations::allocate_range(NodeRef node, wire::Allocate request) {
    File& file = *node->file();
    const std::uint32_t mode = request.mode;
    const std::uint64_t length = request.length;
    const Range range{request.offset, request.offset + length};
    const Range blocks = file.blocks(range);
    if (!(mode & FALLOC_FL_PUNCH_HOLE)) {
        if (!co_await has_room(node, length)) {
            // Unsent or deleted data may be counted as more than it takes.
            co_await quota_.recount_after_flush(node, range);
            if (!co_await has_room(node, length)) co_await fail(ENOSPC);
        }
        co_await quota_.expect_room(node, range);
    }
    if (!(mode & erasing)) {
        if (!(mode & FALLOC_FL_KEEP_SIZE)) co_await flusher_.settle_appended(node);
        // If unsent bytes determine the file's size, their commit sets it.
        if (range.last <= file.unsent().end()) request.mode |= FALLOC_FL_KEEP_SIZE;
        auto done = co_await result(allocate_in_steps(node, request));
        request.mode = mode;
        const bool cut = !(mode & FALLOC_FL_KEEP_SIZE) && file.size() < range.last;
        if (done && cut) done = co_await result(allocate_in_steps(node, std::move(request)));
        // Known extents stay known, unless the range is large.
        if (done && blocks.last - blocks.first <= blocks_told) {
            file.stored().reserve(range);
        } else {
            file.stored().forget_blocks(blocks);
        }
        co_await done;
        co_return;
    }

    co_await carry_out(scope_, erase_range(node, std::move(request)));
}

// Punches a hole, or writes zeros.
Task<void> RangeOperations::erase_range(NodeRef node, wire::Allocate request) {
    File& file = *node->file();
    const std::uint32_t mode = request.mode;
    const Range range{request.offset, request.offset + request.length};
    // A commit in flight must not bring the bytes back.
    co_await flusher_.settle_appended(node);
    request.size = file.unsent().end();  // which may determine the file's size
    DataChange data(flusher_, node);
    data.punch(range);
    auto done = co_await result(allocate_in_steps(node, request));
    wire::Fate fate = wire::fate_of(done);
    if (code_of(done) == EAGAIN) {
        done = co_await result(zero_small(node, std::move(request)));
        if (done) fate = wire::Fate::applied;
    }
    // A request sent earlier may have been answered with the old extents meanwhile; forget them. A
    // file without any extents has none afterwards either, so a small one stays in the metadata.
    const ExtentMap& extents = file.stored().extents();
    if ((mode & FALLOC_FL_ZERO_RANGE) || !extents.knows_all() || !extents.empty())
        file.stored().forget_blocks(file.blocks(range));
    data.settle(fate);
    // The extents determine by how much the unsent bytes increase the space that the file uses.
    if (done && file.has_unsent()) co_await result(reader_.learn_extents(node, range));
    co_await done;
}

// The service has refused the range because it lies within the packed data of a small file, which
// is opaque to it; so the range is short. Writing zeros where the file has bytes is correct
// whatever happened to the file meanwhile. Steps that may fail come first, before anything changes.
Task<void> RangeOperations::zero_small(NodeRef node, wire::Allocate request) {
    const Range range{request.offset, request.offset + request.length};
    Writer::Request write;
    write.offset = range.first;
    write.whole = write.within = true;
    write.loss =
        std::max(Loss::capability, loss_by({request.kill_privileges, request.kill_setgid}));
    if (!(request.mode & FALLOC_FL_PUNCH_HOLE)) {
        request.mode &= FALLOC_FL_KEEP_SIZE;
        co_await allocate_in_steps(node, std::move(request));
        node->file()->stored().reserve(range);
    }
    WritableBuffer zeros(range.last - range.first);
    std::ranges::fill(zeros.bytes(), std::byte{0});
    write.data = std::move(zeros).freeze();
    co_await writer_.write(node, std::move(write));
}

Task<void> RangeOperations::allocate_in_steps(NodeRef node, wire::Allocate request) {
    File& file = *node->file();
    request.kill_privileges |= file.unsent().loss() >= Loss::privileges;
    request.kill_setgid |= file.unsent().loss() == Loss::setgid_too;
    request.now = wall_now();
    for (;;) {
        AttrChange change(node, true);
        const auto done = co_await result(session_.call(request));
        change.settle(wire::fate_of(done));
        learn(*node, co_await done);
        file.unsent().clear_loss();
        if (done->length == 0 || done->length >= request.length) co_return;
        request.offset += done->length;
        request.length -= done->length;
    }
}

Task<std::uint64_t> RangeOperations::seek(HandleId id, std::uint64_t offset, bool data) {
    const NodeRef node = (co_await handles_.file(id))->node();
    co_await access_.refresh(node);
    if (offset >= node->file()->size()) co_return fail(ENXIO);
    const std::uint64_t found = co_await reader_.seek(node, offset, data);
    if (data && found >= node->file()->size()) co_return fail(ENXIO);
    co_return found;
}

Task<UncertainHole> RangeOperations::uncertain_hole(HandleId id, std::uint64_t offset, bool data) {
    const NodeRef node = (co_await handles_.file(id))->node();
    if (!node->may_be_mapped()) co_return UncertainHole{};
    const std::uint64_t hole = co_await seek(id, offset, false);
    if ((data && hole > offset) || hole >= node->file()->size()) co_return UncertainHole{};
    co_return UncertainHole{hole, co_await reader_.seek(node, hole, true)};
}

Task<std::uint64_t> RangeOperations::copy(HandleId from, std::uint64_t from_offset, HandleId to,
                                          std::uint64_t offset, std::uint64_t length, Kill kill) {
    const std::shared_ptr<OpenFile> source = co_await handles_.file(from);
    const std::shared_ptr<OpenFile> target = co_await handles_.file(to);
    if (!may_read(source->flags()) || !may_write(target->flags())) co_return fail(EBADF);
    if (target->node()->attr().flags & wire::flag_immutable) co_return fail(EPERM);
    co_await access_.refresh(source->node());
    const std::uint64_t size = source->node()->file()->size();
    if (from_offset >= size) co_return std::uint64_t{0};
    length = std::min(length, size - from_offset);
    co_await check_end(offset, length);
    access_.note_read(*source->node());

    Access::PrivilegeReport report(access_, *target->node(), kill);
    std::uint64_t done = 0;
    while (done < length) {
        const auto more =
            co_await result(copy_some({source->node(), target->node(), from_offset + done,
                                       offset + done, length - done, kill}));
        report.send();
        if (!more && done == 0) co_return fail(more.error());
        if (!more || *more == 0) break;
        done += *more;
    }
    co_return done;
}

Task<std::uint64_t> RangeOperations::copy_some(Copy copy) {
    if (copy.length > unshared_copy_max) {
        auto shared = co_await result(share(copy));
        if (shared || shared.error().code != EAGAIN) co_return shared;
    }
    co_return co_await copy_bytes(std::move(copy));
}

Task<std::uint64_t> RangeOperations::share(Copy copy) {
    co_await flusher_.flush(copy.from, false);
    co_await quota_.expect(copy.to, copy.length);
    while (copy.to->file()->has_unsent()) co_await flusher_.flush(copy.to, false);
    File& file = *copy.to->file();
    wire::CopyRange request;
    request.from = copy.from->ino();
    request.from_offset = copy.from_offset;
    request.ino = copy.to->ino();
    request.offset = copy.offset;
    request.length = copy.length;
    request.kill_privileges = copy.kill.privileges;
    request.kill_setgid = copy.kill.setgid_too;
    request.now = wall_now();
    const Range blocks = file.blocks({copy.offset, copy.offset + copy.length});
    // The extents are forgotten before the call, because from now on nothing may assume that the
    // file has none, and again after it, because a request sent meanwhile may be answered with the
    // old ones.
    file.stored().forget();
    AttrChange change(copy.to, true);
    const auto done = co_await result(session_.call(std::move(request)));
    file.stored().forget_blocks(blocks);
    change.settle(wire::fate_of(done));
    learn(*copy.to, co_await done);
    co_return done->length;
}

Task<std::uint64_t> RangeOperations::copy_bytes(Copy copy) {
    const std::uint64_t end = std::min(copy.from->file()->size(),
                                       copy.from_offset + std::min(copy.length, copy_piece_bytes));
    if (copy.from_offset >= end) co_return std::uint64_t{0};
    const std::uint64_t size = end - copy.from_offset;
    ReadAhead ahead;
    auto pieces = co_await reader_.read(copy.from, {copy.from_offset, end}, ahead);
    WritableBuffer data(size);
    std::byte* at = data.data();
    for (const Buffer& piece : pieces) at = std::ranges::copy(piece.view(), at).out;
    pieces.clear();  // the writer may wait for memory, so none may be held here
    Writer::Request request;
    request.offset = copy.offset;
    request.loss = std::max(request.loss, loss_by(copy.kill));
    request.data = std::move(data).freeze();
    co_return co_await writer_.write(copy.to, std::move(request));
}

}  // namespace flexfs::vfs
