#include "lib/vfs/storing.h"

#include <cerrno>
#include <unordered_set>

#include "lib/base/format.h"
#include "lib/vfs/paths.h"

namespace flexfs::vfs {
namespace {

// The interval of attempts to write back data that cannot be written back.
constexpr Duration retry_pause = std::chrono::seconds(3);

// Data of a file without a name ends with its last user.
bool is_wanted(const Node& node) {
    return node.file() && node.file()->has_unsent() && !node.is_orphan();
}

std::uint64_t unsent_bytes(const Unsent& unsent) {
    std::uint64_t bytes = unsent.dirty().bytes();
    for (const Flight& flight : unsent.flights()) bytes += flight.data().bytes();
    return bytes;
}

}  // namespace

// Files that are written to meanwhile delay nothing: each file counts as it is when its turn comes.
Task<std::vector<std::string>> Storing::store_written() {
    std::vector<NodeRef> files;
    nodes_.each([&](Node& node) {
        if (is_wanted(node)) files.push_back(nodes_.pin(node));
    });
    flusher_.retry();
    std::vector<std::string> lost;
    for (const NodeRef& node : files)
        if (!co_await store(node)) lost.push_back(name_of(*node));
    files.clear();
    co_await flusher_.sync(nodes_.last_stamp());
    co_return lost;
}

// Returns false if data of the file is lost.
Task<bool> Storing::store(NodeRef node) {
    const File& file = *node->file();
    const std::uint64_t losses = file.errors().losses();
    while (is_wanted(*node)) {
        const auto stored = co_await result(flusher_.flush(node, false));
        if (stored || file.errors().losses() != losses) break;
        if (stored.error().code == ECANCELED) co_return fail(stored.error());
        co_await loop_.sleep(retry_pause);
        flusher_.retry();
    }
    co_return file.errors().losses() == losses;
}

std::vector<UnstoredFile> Storing::unstored(std::size_t most) const {
    std::vector<UnstoredFile> list;
    std::unordered_set<const Node*> listed;
    const auto add = [&](const Node& node) {
        if (list.size() < most && is_wanted(node) && listed.insert(&node).second)
            list.push_back({name_of(node), unsent_bytes(node.file()->unsent())});
    };
    flusher_.each_dirty(add);
    nodes_.each(add);
    return list;
}

std::string Storing::name_of(const Node& node) const {
    std::string path = path_of(nodes_, names_, node);
    return path.empty() ? fmt::format("the file with inode {}", node.ino()) : path;
}

}  // namespace flexfs::vfs
