#include "lib/vfs/nodes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "lib/base/format.h"
#include "lib/wire/privileges.h"

namespace flexfs::vfs {
namespace {

// The memory of the hash table and the list, per node.
constexpr std::size_t overhead_bytes = 64;

void written(Attr& attr, Time mtime) {
    if (mtime == 0) return;
    attr.mtime = mtime;
    attr.ctime = std::max(attr.ctime, mtime);
}

}  // namespace

void Node::learn_attr(const Attr& answer) {
    attr = answer;
    attr_valid_ = true;
    if (unsent_atime_ == attr.atime) unsent_atime_ = 0;
}

void Node::access_sent(Time when) {
    if (unsent_atime_ != when) return;
    attr.atime = when;
    unsent_atime_ = 0;
}

void Node::opened(int flags) {
    ++handles_;
    if ((flags & O_ACCMODE) == O_RDWR) ++mappers_;
}

void Node::closed(int flags) {
    --handles_;
    if ((flags & O_ACCMODE) == O_RDWR) --mappers_;
}

Attr Node::stat() const {
    Attr now = attr;
    if (unsent_atime_ != 0) now.atime = unsent_atime_;
    if (!file) return now;
    now.size = file->size();
    if (file->has_unsent()) {
        const std::uint64_t more = now.used + file->unsent_gain();
        // Bytes over unknown extents are counted as new. That may overestimate, so the result is
        // capped at the file size.
        const bool exact = file->stored().extents().knows_all();
        now.used = exact ? more : std::max(now.used, std::min(now.size, more));
    }
    written(now, file->unsent().mtime());
    if (file->unsent().loses(Loss::privileges))
        now.mode = wire::without_privileges(now.mode, file->unsent().loses(Loss::setgid_too));
    return now;
}

AttrChange::AttrChange(NodeRef node, bool sets_mtime) : node_(std::move(node)) {
    if (!node_ || !node_->file || !sets_mtime) return;
    changes_data_ = true;
    written(node_->attr, node_->file->unsent().mtime());
    written_ = node_->file->unsent().forget_times();
}

void AttrChange::settle(wire::Fate fate) {
    if (!node_ || std::exchange(is_settled_, true)) return;
    if (fate == wire::Fate::applied) {
        if (changes_data_) node_.table().data_changed(*node_, false);
        return;
    }
    if (node_->file && fate == wire::Fate::refused) node_->file->unsent().restore_time(written_);
    node_->doubt();
}

NodeRef::NodeRef(Nodes& nodes, Node& node) : nodes_(&nodes), node_(&node) {
    nodes.pinned(node);
}

NodeRef::NodeRef(const NodeRef& other) : nodes_(other.nodes_), node_(other.node_) {
    if (node_) nodes_->pinned(*node_);
}

NodeRef::~NodeRef() {
    if (node_) nodes_->unpinned(*node_);
}

Nodes::Nodes(cache::Budget& budget, std::uint64_t bytes, std::uint32_t block_bytes)
    : block_bytes_(block_bytes), bytes_max_(bytes), memory_(budget.set_aside(bytes)) {}

Nodes::~Nodes() {
    for (auto& [ino, node] : nodes_) check(node.pins == 0);
}

Node* Nodes::find(Ino ino) {
    const auto found = nodes_.find(ino);
    if (found == nodes_.end()) return nullptr;
    Node& node = found->second;
    if (node.pins == 0) unused_.splice(unused_.begin(), unused_, node.place);
    return &node;
}

void Nodes::apply(Node& node, const Attr& attr) {
    node.learn_attr(attr);
    if (node.file) node.file->learn_size(attr.size);
}

Result<void> Nodes::learn(const wire::Entry& entry, bool opened, Node*& told) {
    auto [where, fresh] = nodes_.try_emplace(entry.attr.ino);
    Node& node = where->second;
    told = &node;
    if (fresh) {
        if (S_ISREG(entry.attr.mode)) node.file = std::make_unique<File>(block_bytes_);
        unused_.push_front(&node);
        node.place = unused_.begin();
    }
    apply(node, entry.attr);
    changed(node);
    // An exclusive grant ends only with its recall, whatever the answer to another request says.
    if (node.grant != Grant::exclusive) node.grant = entry.grant;
    Result<void> learned;
    if (node.file) learned = node.file->stored().learn(entry, opened);
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
        apply(*node, attr);
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
    if (after) apply(*node, *after);
    changed(*node);
}

void Nodes::forget_attrs() {
    for (auto& [ino, node] : nodes_) node.doubt();
    forgotten_ = next_stamp();
}

void Nodes::pinned(Node& node) {
    if (node.pins++ == 0) unused_.erase(node.place);
}

void Nodes::unpinned(Node& node) {
    if (--node.pins > 0) return;
    unused_.push_front(&node);
    node.place = unused_.begin();
    weigh(node);
    shrink();
}

void Nodes::weigh(Node& node) {
    std::size_t weight = sizeof(Node) + overhead_bytes;
    if (node.file) weight += sizeof(File) + node.file->stored().memory_bytes();
    bytes_ += weight - node.weight;
    node.weight = weight;
}

// The most recently used node stays, because it was just asked for.
void Nodes::shrink() {
    while (bytes_ > bytes_max_ && unused_.size() > 1) {
        Node& victim = *unused_.back();
        unused_.pop_back();
        bytes_ -= victim.weight;
        forgotten_ = std::max(forgotten_, victim.changed_at);
        nodes_.erase(victim.attr.ino);
    }
}

}  // namespace flexfs::vfs
