#include "lib/vfs/dirty_files.h"

#include <algorithm>
#include <iterator>

namespace flexfs::vfs {

void DirtyFiles::add(Node& node) {
    const auto [place, is_new] = places_.try_emplace(&node);
    if (!is_new) return;
    place->second = entries_.insert(entries_.end(), {nodes_.pin(node), loop_.now()});
    came_.wake_all();
}

void DirtyFiles::put_back(const NodeRef& node, Duration since) {
    if (node->file()->unsent().dirty().empty()) return;
    const auto [place, is_new] = places_.try_emplace(node.get());
    if (!is_new) return;
    place->second = entries_.insert(entries_.begin(), {node, since});
    came_.wake_all();
}

Duration DirtyFiles::recheck(Node& node) {
    const auto place = places_.find(&node);
    if (place == places_.end()) return loop_.now();
    const Duration since = place->second->since;
    // A node's last pin may be among what is removed. Destroying it may trigger other work, so it
    // is destroyed only after the lists are consistent.
    const std::vector<FullBlock> sent = drop_full_blocks(node);
    if (!node.file()->unsent().dirty().empty()) return since;
    std::list<Entry> gone;
    gone.splice(gone.begin(), entries_, place->second);
    places_.erase(place);
    return since;
}

void DirtyFiles::postpone_first() {
    entries_.front().since = loop_.now();
    entries_.splice(entries_.end(), entries_, entries_.begin());
}

void DirtyFiles::clear() {
    places_.clear();
    std::list<Entry>().swap(entries_);
    full_.clear();
}

void DirtyFiles::note_full_blocks(Node& node, Range written) {
    const std::uint64_t block = node.file()->block_bytes;
    const Layer& dirty = node.file()->unsent().dirty();
    // A writer that rewrites the end of a block notes the block more than once.
    for (std::uint64_t idx = written.first / block; (idx + 1) * block <= written.last; ++idx)
        if (full_.size() < full_blocks_max_ && dirty.covers({idx * block, (idx + 1) * block}))
            full_.push_back({nodes_.pin(node), idx});
}

// Removes and returns the file's noted blocks that are no longer completely dirty.
std::vector<DirtyFiles::FullBlock> DirtyFiles::drop_full_blocks(const Node& node) {
    const std::uint64_t block = node.file()->block_bytes;
    const Layer& dirty = node.file()->unsent().dirty();
    std::deque<FullBlock> kept;
    std::vector<FullBlock> dropped;
    for (FullBlock& one : full_) {
        const bool stays =
            one.node.get() != &node || dirty.covers({one.idx * block, (one.idx + 1) * block});
        if (stays) kept.push_back(std::move(one));
        else dropped.push_back(std::move(one));
    }
    full_.swap(kept);
    return dropped;
}

std::vector<DirtyFiles::FullBlock> DirtyFiles::take_full_blocks(std::size_t most) {
    const auto end = full_.begin() + static_cast<std::ptrdiff_t>(std::min(full_.size(), most));
    std::vector<FullBlock> taken(std::make_move_iterator(full_.begin()),
                                 std::make_move_iterator(end));
    full_.erase(full_.begin(), end);
    std::ranges::sort(
        taken, {}, [](const FullBlock& block) { return std::pair(block.node->ino(), block.idx); });
    return taken;
}

}  // namespace flexfs::vfs
