#include "lib/vfs/nodes.h"

#include <algorithm>
#include <utility>

#include "lib/base/format.h"

namespace flexfs::vfs {
namespace {

// The memory of the hash table and the list, per node.
constexpr std::size_t overhead_bytes = 64;

}  // namespace

AttrChange::AttrChange(NodeRef node, bool sets_mtime) : node_(std::move(node)) {
    if (!node_ || !node_->file() || !sets_mtime) return;
    changes_data_ = true;
    written_ = node_->replace_written_times();
}

void AttrChange::settle(wire::Fate fate) {
    if (!node_ || std::exchange(is_settled_, true)) return;
    if (fate == wire::Fate::applied) {
        if (changes_data_) node_.table().data_changed(*node_, false);
        return;
    }
    if (node_->file() && fate == wire::Fate::refused)
        node_->file()->unsent().restore_time(written_);
    node_->doubt();
}

NodeRef::NodeRef(Nodes& nodes, Node& node) : nodes_(&nodes), node_(&node) {
    nodes.pinned(Nodes::slot_of(node));
}

NodeRef::NodeRef(const NodeRef& other) : nodes_(other.nodes_), node_(other.node_) {
    if (node_) nodes_->pinned(Nodes::slot_of(*node_));
}

NodeRef::~NodeRef() {
    if (node_) nodes_->unpinned(Nodes::slot_of(*node_));
}

Nodes::Nodes(cache::Budget& budget, std::uint64_t bytes, std::uint32_t block_bytes)
    : block_bytes_(block_bytes), bytes_max_(bytes), memory_(budget.set_aside(bytes)) {}

Nodes::~Nodes() {
    for (auto& [ino, slot] : nodes_) check(slot.pins == 0);
}

Node* Nodes::find(Ino ino) {
    const auto found = nodes_.find(ino);
    if (found == nodes_.end()) return nullptr;
    Slot& slot = found->second;
    if (slot.pins == 0) unused_.splice(unused_.begin(), unused_, slot.place);
    return &slot;
}

Result<void> Nodes::learn(const wire::Entry& entry, bool opened, Node*& told) {
    auto [where, fresh] = nodes_.try_emplace(entry.attr.ino, entry.attr, block_bytes_);
    Slot& node = where->second;
    told = &node;
    if (fresh) keep_unused(node);
    node.learn_attr(entry.attr);
    changed(node);
    node.granted(entry.grant);
    Result<void> learned;
    if (node.file()) learned = node.file()->stored().learn(entry, opened);
    weigh(node);
    shrink();
    return learned;
}

// Damaged data is not an error here; an operation that needs the data reports it.
Node& Nodes::learn(const wire::Entry& entry) {
    Node* node = nullptr;
    (void)learn(entry, false, node);
    return *node;
}

Result<void> Nodes::learn_opened(const wire::Entry& entry) {
    Node* node = nullptr;
    auto learned = learn(entry, true, node);
    if (learned) return {};
    return fail(learned.error().code,
                fmt::format("inode {}: {}", entry.attr.ino, learned.error().context));
}

void Nodes::learn_attr(const Attr& attr) {
    if (Node* node = find(attr.ino)) {
        node->learn_attr(attr);
        changed(*node);
    }
}

void Nodes::forget_attr(Ino ino) {
    if (Node* node = find(ino)) {
        node->changed();
        changed(*node);
    } else {
        forgotten_ = next_stamp();
    }
}

void Nodes::names_changed(Ino folder, std::span<const Attr> told, std::uint64_t changes) {
    Node* node = find(folder);
    if (!node) {
        forgotten_ = next_stamp();
        return;
    }
    const Attr* after = node->changes() == changes ? told_of(told, folder) : nullptr;
    node->changed();
    if (after) node->learn_attr(*after);
    changed(*node);
}

void Nodes::forget_attrs() {
    for (auto& [ino, slot] : nodes_) slot.doubt();
    forgotten_ = next_stamp();
}

void Nodes::pinned(Slot& slot) {
    if (slot.pins++ == 0) unused_.erase(slot.place);
}

void Nodes::unpinned(Slot& slot) {
    if (--slot.pins > 0) return;
    keep_unused(slot);
    weigh(slot);
    shrink();
}

void Nodes::keep_unused(Slot& slot) {
    unused_.push_front(&slot);
    slot.place = unused_.begin();
}

void Nodes::weigh(Slot& slot) {
    std::size_t weight = sizeof(Slot) + overhead_bytes;
    if (slot.file()) weight += sizeof(File) + slot.file()->stored().memory_bytes();
    bytes_ += weight - slot.weight;
    slot.weight = weight;
}

// The most recently used node stays, because it was just asked for.
void Nodes::shrink() {
    while (bytes_ > bytes_max_ && unused_.size() > 1) {
        const Slot& victim = *unused_.back();
        unused_.pop_back();
        bytes_ -= victim.weight;
        forgotten_ = std::max(forgotten_, victim.changed_at());
        data_forgotten_ = std::max(data_forgotten_, victim.data_stamp());
        nodes_.erase(victim.ino());
    }
}

}  // namespace flexfs::vfs
