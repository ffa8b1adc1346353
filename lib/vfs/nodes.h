// A bounded table of the inodes that a client knows something about. Nodes that are not in use are
// dropped, least recently used first; the kernel may know many more inodes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <span>
#include <unordered_map>

#include "lib/cache/budget.h"
#include "lib/vfs/node.h"
#include "lib/wire/fate.h"

namespace flexfs::vfs {

// Returns the attributes of that inode, or null if they are not among `told`.
inline const Attr* told_of(std::span<const Attr> told, Ino ino) {
    const auto found = std::ranges::find(told, ino, &Attr::ino);
    return found == told.end() ? nullptr : &*found;
}

class Nodes;

// Keeps a node in the table.
class NodeRef {
public:
    NodeRef() = default;
    NodeRef(Nodes& nodes, Node& node);
    NodeRef(const NodeRef& other);
    NodeRef(NodeRef&& other) noexcept
        : nodes_(other.nodes_), node_(std::exchange(other.node_, nullptr)) {}
    NodeRef& operator=(NodeRef other) noexcept {
        std::swap(nodes_, other.nodes_);
        std::swap(node_, other.node_);
        return *this;
    }
    ~NodeRef();

    explicit operator bool() const { return node_ != nullptr; }
    Node& operator*() const { return *node_; }
    Node* operator->() const { return node_; }
    Node* get() const { return node_; }
    Nodes& table() const { return *nodes_; }

private:
    Nodes* nodes_ = nullptr;
    Node* node_ = nullptr;
};

// Guards a call that changes the inode's attributes. With `sets_mtime` the call sets a modification
// time later than that of all writes so far, and no commit may restore theirs. If the call is
// refused, the time of the writes is valid again; if its outcome is unknown, the attributes are
// forgotten.
class AttrChange {
public:
    // With a null `node`, nothing needs to be done.
    AttrChange(NodeRef node, bool sets_mtime);
    AttrChange(const AttrChange&) = delete;
    AttrChange& operator=(const AttrChange&) = delete;
    ~AttrChange() { settle(wire::Fate::unknown); }
    // Only the first call has an effect.
    void settle(wire::Fate fate);

private:
    NodeRef node_;
    Time written_ = 0;
    bool changes_data_ = false;
    bool is_settled_ = false;
};

class Nodes {
public:
    // Takes `bytes` of `budget` at construction; they bound the nodes that are not in use.
    Nodes(cache::Budget& budget, std::uint64_t bytes, std::uint32_t block_bytes);
    ~Nodes();

    // Returns null if the inode is not in the table. The pointer is valid until the next await.
    Node* find(Ino ino);
    // Returns the node of `entry`, updated from it. The reference is valid until the next await.
    Node& learn(const wire::Entry& entry);
    // The same for the answer to an Open. EIO: the stored data of a small file is damaged;
    // everything else in the answer is learned.
    Result<void> learn_opened(const wire::Entry& entry);
    // Learns attributes alone, from the answer to a change. Does nothing if the inode is not in the
    // table.
    void learn_attr(const Attr& attr);
    void forget_attr(Ino ino);
    // Returns Node::changes() of a folder, to detect changes that happen in between.
    std::uint64_t changes_of(Ino folder) const {
        const auto found = nodes_.find(folder);
        return found == nodes_.end() ? 0 : found->second.changes();
    }
    // Records that a call of this client changed names in the folder. `told` are attributes of
    // inodes after the call; `changes` is changes_of() the folder before it was sent. If there were
    // other changes since, `told` may be outdated.
    void names_changed(Ino folder, std::span<const Attr> told, std::uint64_t changes);
    // Any inode may have changed: forgets all attributes.
    void forget_attrs();
    // This client has changed the file's data, or its modification time.
    void data_changed(Node& node, bool durable) {
        node.note_data_change(next_stamp(), durable);
        if (durable) return;
        data_stamp_ = stamp_;
        data_changes_.wake_all();
    }
    // The stamp of the last such change that may not be durable.
    std::uint64_t data_stamp() const { return data_stamp_; }
    // Woken when there is a new one.
    task::WaitList& data_changes() { return data_changes_; }
    // Returns the stamp of the inode's last change or a later one. `node` is null if the inode is
    // not in the table.
    std::uint64_t changed_at(const Node* node) const {
        return node ? std::max(node->changed_at(), forgotten_) : forgotten_;
    }
    // Returns the stamp of the last change of the inode's data by this client that may not be
    // durable, or a later one. `node` as above.
    std::uint64_t data_changed_at(const Node* node) const {
        return node ? std::max(node->data_stamp(), data_forgotten_) : data_forgotten_;
    }
    NodeRef pin(Node& node) { return {*this, node}; }
    // The kernel was told to drop what it keeps of every inode in the table.
    void kernel_dropped() { ++drops_; }
    // Counts those drops.
    std::uint64_t drops() const { return drops_; }

    std::size_t size() const { return nodes_.size(); }
    template <class F>
    void each(F&& function) {
        for (auto& [ino, slot] : nodes_) function(static_cast<Node&>(slot));
    }
    template <class F>
    void each(F&& function) const {
        for (const auto& [ino, slot] : nodes_) function(static_cast<const Node&>(slot));
    }
    // Returns a new stamp for a change of the metadata that was answered. It may not be durable
    // before the next sync.
    std::uint64_t next_stamp() { return ++stamp_; }
    std::uint64_t last_stamp() const { return stamp_; }

private:
    friend class NodeRef;
    // Every Node is in a slot.
    struct Slot final : Node {
        using Node::Node;
        std::uint32_t pins = 0;            // number of NodeRefs
        std::size_t weight = 0;            // the bytes that the table counts for it
        std::list<Slot*>::iterator place;  // in the list of unused slots, while pins is 0
    };
    static Slot& slot_of(Node& node) { return static_cast<Slot&>(node); }
    Result<void> learn(const wire::Entry& entry, bool opened, Node*& node);
    void changed(Node& node) { node.note_change(next_stamp()); }
    void pinned(Slot& slot);
    void unpinned(Slot& slot);
    void keep_unused(Slot& slot);
    void weigh(Slot& slot);
    void shrink();

    std::unordered_map<Ino, Slot> nodes_;
    std::list<Slot*> unused_;  // most recently used first
    std::uint32_t block_bytes_;
    std::uint64_t bytes_ = 0;
    std::uint64_t bytes_max_;
    std::uint64_t stamp_ = 0;
    std::uint64_t data_stamp_ = 0;
    task::WaitList data_changes_;
    std::uint64_t drops_ = 0;
    // The stamps of the last changes of inodes outside the table.
    std::uint64_t forgotten_ = 0;
    std::uint64_t data_forgotten_ = 0;
    cache::Reservation memory_;
};

}  // namespace flexfs::vfs
