#include "lib/object/file_store.h"

#include "lib/base/format.h"
#include "lib/loop/pool.h"
#include "lib/object/folder.h"

namespace flexfs::object {
namespace {

// Copying this much from the page cache takes less time than a trip to the pool.
constexpr std::uint64_t here_bytes_max = 128 << 10;

}  // namespace

// The functions that run in the pool refer to variables of the frames here, which is safe because
// offload() does not return before they have ended.

FileStore::FileStore(Loop& loop, std::unique_ptr<Folder> folder)
    : loop_(loop), folder_(std::move(folder)) {}
FileStore::~FileStore() = default;

Result<std::unique_ptr<Store>> FileStore::open(Loop& loop, std::string path) {
    TRY(auto folder, Folder::open(std::move(path)));
    return std::unique_ptr<Store>(new FileStore(loop, std::move(folder)));
}

Task<void> FileStore::put(std::string key, std::vector<Buffer> pieces) {
    co_await check_key(key);
    ++counters_.puts;
    const std::uint64_t bytes = total_bytes(pieces);
    if (bytes > object_bytes_max) co_await fail(EFBIG);
    co_await offload(loop_, [&] { return folder_->put(key, pieces); });
    counters_.put_bytes += bytes;
}

Task<Buffer> FileStore::get(std::string key, std::uint64_t offset, std::size_t size) {
    co_await check_key(key);
    ++counters_.gets;
    Buffer got = co_await offload(loop_, [&] { return folder_->get(key, offset, size); });
    counters_.get_bytes += got.size();
    co_return got;
}

Task<std::vector<Buffer>> FileStore::get_ranges(std::string key, std::vector<ByteRange> ranges) {
    co_await check_key(key);
    ++counters_.gets;
    const std::uint64_t bytes = ranges.back().offset + ranges.back().size - ranges.front().offset;
    const OpenObject known = folder_->find(key);
    std::optional<std::vector<Buffer>> got;
    if (bytes <= here_bytes_max) got = Folder::get_ranges_at_once(known, ranges);
    if (!got)
        got = co_await offload(loop_, [&] { return folder_->get_ranges(key, ranges, known); });
    counters_.get_bytes += bytes;
    co_return std::move(*got);
}

Task<Buffer> FileStore::get(std::string key) {
    co_await check_key(key);
    ++counters_.gets;
    Buffer got = co_await offload(loop_, [&] { return folder_->get(key); });
    counters_.get_bytes += got.size();
    co_return got;
}

Task<std::uint64_t> FileStore::size(std::string key) {
    co_await check_key(key);
    ++counters_.gets;
    co_return co_await offload(loop_, [&] { return folder_->size(key); });
}

Task<void> FileStore::remove(std::vector<std::string> keys) {
    for (const std::string& key : keys) co_await check_key(key);
    counters_.deletes += keys.size();
    co_await offload(loop_, [&] { return folder_->remove(keys); });
}

Task<Page> FileStore::list(std::string prefix, std::string after, std::size_t limit) {
    ++counters_.lists;
    co_return co_await offload(loop_, [&] { return folder_->list(prefix, after, limit); });
}

Task<Versioned> FileStore::get_versioned(std::string key) {
    co_await check_key(key);
    ++counters_.gets;
    Versioned got = co_await offload(loop_, [&] { return folder_->get_versioned(key); });
    counters_.get_bytes += got.content.size();
    co_return got;
}

Task<std::string> FileStore::put_if(std::string key, Buffer content, std::string tag) {
    co_await check_key(key);
    ++counters_.puts;
    if (content.size() > versioned_bytes_max) co_await fail(EFBIG);
    std::string made = co_await offload(loop_, [&] { return folder_->put_if(key, content, tag); });
    counters_.put_bytes += content.size();
    co_return made;
}

Task<FileStore::Space> FileStore::space() {
    co_return co_await offload(loop_, [&] { return folder_->space(); });
}

std::string FileStore::describe() const {
    return "folder " + folder_->path();
}

}  // namespace flexfs::object
