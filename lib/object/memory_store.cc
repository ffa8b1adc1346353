#include "lib/object/memory_store.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"

namespace flexfs::object {
namespace {

Buffer join(const std::vector<Buffer>& pieces, std::size_t bytes) {
    WritableBuffer joined(bytes);
    std::byte* to = joined.data();
    for (const Buffer& piece : pieces) {
        if (piece.empty()) continue;
        std::memcpy(to, piece.data(), piece.size());
        to += piece.size();
    }
    return std::move(joined).freeze();
}

}  // namespace

Result<const MemoryStore::Object*> MemoryStore::find(const std::string& key) const {
    TRY(check_key(key));
    const auto at = objects_.find(key);
    if (at == objects_.end()) return fail(ENOENT);
    return &at->second;
}

Task<void> MemoryStore::put(std::string key, std::vector<Buffer> pieces) {
    co_await check_key(key);
    ++counters_.puts;
    const std::uint64_t bytes = total_bytes(pieces);
    if (bytes > object_bytes_max) co_await fail(EFBIG);
    const auto old = objects_.find(key);
    const std::uint64_t replaced = old == objects_.end() ? 0 : old->second.data.size();
    if (capacity_ != 0 && bytes_ - replaced + bytes > capacity_) co_await fail(ENOSPC);
    objects_[std::move(key)] = {join(pieces, bytes), wall_now(), ++versions_};
    bytes_ += bytes - replaced;
    counters_.put_bytes += bytes;
}

Task<Buffer> MemoryStore::get(std::string key, std::uint64_t offset, std::size_t size) {
    ++counters_.gets;
    const Buffer whole = (co_await find(key))->data;
    if (offset > whole.size() || size > whole.size() - offset)
        co_await fail(ERANGE, fmt::format("object {} ends at {}", key, whole.size()));
    counters_.get_bytes += size;
    co_return whole.slice(offset, size);
}

Task<Buffer> MemoryStore::get(std::string key) {
    ++counters_.gets;
    const Buffer whole = (co_await find(key))->data;
    counters_.get_bytes += whole.size();
    co_return whole;
}

Task<std::uint64_t> MemoryStore::size(std::string key) {
    ++counters_.gets;
    co_return (co_await find(key))->data.size();
}

Task<void> MemoryStore::remove(std::vector<std::string> keys) {
    for (const std::string& key : keys) {
        co_await check_key(key);
        ++counters_.deletes;
        const auto at = objects_.find(key);
        if (at == objects_.end()) continue;
        bytes_ -= at->second.data.size();
        objects_.erase(at);
    }
}

Task<Page> MemoryStore::list(std::string prefix, std::string after, std::size_t limit) {
    ++counters_.lists;
    limit = std::clamp(limit, std::size_t{1}, list_limit_max);
    Page page;
    auto at = after < prefix ? objects_.lower_bound(prefix) : objects_.upper_bound(after);
    for (; at != objects_.end() && at->first.starts_with(prefix); ++at) {
        page.more = page.objects.size() == limit;
        if (page.more) break;
        page.objects.push_back({at->first, at->second.data.size(), at->second.modified});
    }
    co_return page;
}

Task<Versioned> MemoryStore::get_versioned(std::string key) {
    ++counters_.gets;
    const Object* const found = co_await find(key);
    if (found->data.size() > versioned_bytes_max) co_await fail(EFBIG);
    counters_.get_bytes += found->data.size();
    co_return Versioned{found->data, std::to_string(found->version)};
}

Task<std::string> MemoryStore::put_if(std::string key, Buffer content, std::string tag) {
    co_await check_key(key);
    const auto old = objects_.find(key);
    const std::string present = old == objects_.end() ? "" : std::to_string(old->second.version);
    if (present != tag) co_await fail(EEXIST);
    std::vector<Buffer> pieces{std::move(content)};
    co_await put(std::move(key), std::move(pieces));
    co_return std::to_string(versions_);
}

Task<MemoryStore::Space> MemoryStore::space() {
    if (capacity_ == 0) co_return Space{};
    co_return Space{capacity_ - std::min(bytes_, capacity_), capacity_};
}

}  // namespace flexfs::object
