// A bounded table of the inodes that a client knows something about. Nodes that are not in use are
// dropped, least recently used first; the kernel may know many more inodes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <unordered_map>

#include "lib/cache/budget.h"
#include "lib/vfs/file.h"
#include "lib/wire/fate.h"
#include "lib/wire/messages.h"

namespace flexfs::vfs {

using wire::Attr;
using wire::Grant;
using wire::Ino;

class NodeRef;

// Returns the attributes of that inode, or null if they are not among `told`.
inline const Attr* told_of(std::span<const Attr> told, Ino ino) {
    const auto found = std::ranges::find(told, ino, &Attr::ino);
    return found == told.end() ? nullptr : &*found;
}

struct Node {
    Attr attr;  // the server's answer; stat() adds unsent changes
    Grant grant = Grant::none;
    bool recalled = false;  // another client waits for the unsent data, so no write may add to it
    bool orphan = false;    // the last link is gone
    bool released = false;  // its last user is gone too, so it can never be read again
    std::uint64_t changed_at = 0;  // the stamp of its last change
    std::uint64_t stamp = 0;       // of the last change that may not be durable (see Flusher::sync)
    std::uint64_t data_stamp = 0;  // the same, only of this client's changes of data; 0: none
    std::uint32_t pins = 0;        // number of NodeRefs
    std::size_t weight = 0;        // the bytes that the table counts for it
    std::unique_ptr<File> file;    // only of a regular file
    std::list<Node*>::iterator place;  // in the list of unused nodes, while pins is 0

    // attr is valid as long as the grant is held.
    bool knows_attr() const { return attr_valid_ && grant != Grant::none; }
    void learn_attr(const Attr& answer);
    // Marks attr as possibly outdated: the next operation that needs it asks the service.
    void doubt() { attr_valid_ = false; }
    // The server has newer attributes, or different names in the folder.
    void changed() {
        attr_valid_ = listed_ = false;
        ++changes_;
    }
    // Counts the changes of the inode and of the names in it.
    std::uint64_t changes() const { return changes_; }
    // Records that the kernel lists the folder. Returns true if it did so before and no name has
    // changed since.
    bool note_listed() { return std::exchange(listed_, true); }

    // The access time replaces attr.atime until it is sent, or until another one is set.
    void note_access(Time when) { unsent_atime_ = when; }
    void forget_access() { unsent_atime_ = 0; }
    void access_sent(Time when);
    // The attributes as a program must see them now.
    Attr stat() const;

    // Called when a handle with these flags of open(2) is opened or closed.
    void opened(int flags);
    void closed(int flags);
    bool is_open() const { return handles_ > 0; }
    // Whether a handle is open for reading and writing, which a shared mapping requires.
    bool may_be_mapped() const { return mappers_ > 0; }

private:
    bool attr_valid_ = false;
    bool listed_ = false;
    std::uint64_t changes_ = 0;
    Time unsent_atime_ = 0;  // 0: none
    std::uint32_t handles_ = 0;
    std::uint32_t mappers_ = 0;
};

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
        node.changed_at = next_stamp();
        if (!durable) node.stamp = node.data_stamp = node.changed_at;
    }
    // Returns the stamp of the inode's last change or a later one. `node` is null if the inode is
    // not in the table.
    std::uint64_t changed_at(const Node* node) const {
        return node ? std::max(node->changed_at, forgotten_) : forgotten_;
    }
    NodeRef pin(Node& node) { return {*this, node}; }

    std::size_t size() const { return nodes_.size(); }
    template <class F>
    void each(F&& function) {
        for (auto& [ino, node] : nodes_) function(node);
    }
    template <class F>
    void each(F&& function) const {
        for (const auto& [ino, node] : nodes_) function(node);
    }
    // Returns a new stamp for a change of the metadata that was answered. It may not be durable
    // before the next sync.
    std::uint64_t next_stamp() { return ++stamp_; }
    std::uint64_t last_stamp() const { return stamp_; }

private:
    friend class NodeRef;
    Result<void> learn(const wire::Entry& entry, bool opened, Node*& node);
    void apply(Node& node, const Attr& attr);
    void changed(Node& node) { node.changed_at = node.stamp = next_stamp(); }
    void pinned(Node& node);
    void unpinned(Node& node);
    void weigh(Node& node);
    void shrink();

    std::unordered_map<Ino, Node> nodes_;
    std::list<Node*> unused_;  // most recently used first
    std::uint32_t block_bytes_;
    std::uint64_t bytes_ = 0;
    std::uint64_t bytes_max_;
    std::uint64_t stamp_ = 0;
    std::uint64_t forgotten_ = 0;  // the stamp of the last change of an inode outside the table
    cache::Reservation memory_;
};

}  // namespace flexfs::vfs
