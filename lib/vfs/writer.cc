#include "lib/vfs/writer.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/log.h"

namespace flexfs::vfs {
namespace {

// From this size on the kernel's buffer itself is kept. It has request_bytes, which would waste
// memory for a smaller write.
constexpr std::size_t kept_bytes_min = 512 << 10;
constexpr std::size_t request_bytes = (1 << 20) + (4 << 10);
// The memory overhead of a span, and of the first span of a file.
constexpr std::size_t span_bytes = 256, file_bytes = 1024;
// The memory for sequential small writes grows up to this size.
constexpr std::size_t chunk_bytes_max = 1 << 20;

// The range of the file that the request writes to.
Range place(const Writer::Request& request, const File& file) {
    const std::uint64_t offset = request.append ? file.size() : request.offset;
    const std::uint64_t end = offset + request.data.size();
    return {offset, request.within ? std::clamp(file.size(), offset, end) : end};
}

// Returns the memory to take for `size` bytes that follow a span of `before` bytes.
std::size_t capacity_for(std::size_t size, std::size_t before) {
    return std::max(size, std::min(2 * before, chunk_bytes_max));
}

}  // namespace

bool Writer::is_owned(const Node& node) const {
    return node.is_exclusive() && !node.is_recalled() && node.file()->stored().knows_inline() &&
           !node.file()->unsent().floats();
}

Task<void> Writer::own(NodeRef node) {
    while (!is_owned(*node)) {
        while (node->is_recalled()) co_await node->file()->changed().wait();
        const auto learned =
            nodes_.learn_opened(co_await session_.call(wire::Open{node->ino(), Grant::exclusive}));
        // Writes over damaged data could never be committed.
        if (!learned) {
            if (node->file()->stored().take_damage_report())
                log::error("a small file cannot be written until it is emptied or replaced: {}",
                           learned.error().message());
            co_await fail(learned.error());
        }
        if (!node->is_recalled()) co_return;
    }
}

// The write must not replace bytes that are shown there only until their place is certain.
Task<void> Writer::own_range(NodeRef node, Request request) {
    for (;;) {
        co_await own(node);
        if (request.append || !node->file()->unsent().floats_in(place(request, *node->file())))
            co_return;
        co_await flusher_.flush(node, false);
    }
}

// If there is no room for the whole write, recounts what the volume holds and tries once more.
Task<Quota::Promise> Writer::room(NodeRef node, Request request) {
    const File& file = *node->file();
    for (bool looked = false;; looked = true) {
        co_await own_range(node, request);
        const Range range = place(request, file);
        if (range.last > wire::file_bytes_max) co_return fail(EFBIG);
        const Quota::Promise promise = quota_.take(file, range);
        if (promise.bytes == range.last - range.first ||
            (looked && promise.bytes > 0 && !request.whole))
            co_return promise;
        quota_.give_back(promise);
        if (looked) co_return fail(ENOSPC);
        co_await quota_.recount_after_flush(node, range);
    }
}

Task<std::size_t> Writer::write(NodeRef node, Request request) {
    File& file = *node->file();
    const Layer& dirty = file.unsent().dirty();
    const std::size_t size = request.data.size();
    if (size == 0) co_return 0;
    if (!request.append && request.offset > wire::file_bytes_max - size) co_return fail(EFBIG);

    // The usual case of small sequential writes: memory and grant are present.
    if (is_owned(*node)) {
        const Range range = place(request, file);
        const Quota::Promise promise = quota_.take(file, range);
        if (promise.bytes == size &&
            file.unsent().append(range.first, request.data, wall_now(), request.loss)) {
            if (request.append) file.unsent().note_append(range, true);
            flusher_.wrote(*node, range);
            co_return size;
        }
        quota_.give_back(promise);
    }
    const bool kept = size >= kept_bytes_min;
    std::size_t before = 0;
    if (!kept) before = dirty.bytes_before(request.append ? file.size() : request.offset);
    const std::size_t capacity = kept ? std::max(size, request_bytes) : capacity_for(size, before);
    cache::Account account(budget_, cache::Budget::Kind::dirty);
    // The size of a request is bounded, so one that exceeds a tiny limit takes all of the limit.
    co_await account.take(
        std::min<std::uint64_t>(capacity + (dirty.empty() ? file_bytes : span_bytes),
                                budget_.most(cache::Budget::Kind::dirty)));
    const Quota::Promise promise = co_await room(node, request);

    if (promise.bytes == 0) co_return 0;
    if (promise.bytes < size) request.data = request.data.slice(0, promise.bytes);
    const std::uint64_t offset = request.append ? file.size() : request.offset;
    const bool alone = node->is_exclusive() && !file.unsent().floats();
    if (request.append) file.unsent().note_append({offset, offset + promise.bytes}, alone);
    insert(*node, request, offset, account.hand_over(), capacity);
    // Other clients write the file too, or did so a moment ago, so the data is sent at once.
    if (!alone) co_await flusher_.flush(node, false);
    co_return promise.bytes;
}

void Writer::insert(Node& node, const Request& request, std::uint64_t offset,
                    cache::Reservation memory, std::size_t capacity) {
    auto slab = std::make_shared<Slab>();
    ByteView bytes = request.data;
    if (bytes.size() >= kept_bytes_min) {
        slab->kept = request.data;
    } else {
        slab->capacity = capacity;
        slab->memory = std::make_unique_for_overwrite<std::byte[]>(slab->capacity);
        std::ranges::copy(bytes, slab->memory.get());
        slab->used = bytes.size();
        bytes = {slab->memory.get(), bytes.size()};
    }
    slab->reservation = std::move(memory);
    const Range range{offset, offset + bytes.size()};
    node.file()->unsent().write({offset, std::move(slab), bytes}, wall_now(), request.loss);
    flusher_.wrote(node, range);
}

}  // namespace flexfs::vfs
