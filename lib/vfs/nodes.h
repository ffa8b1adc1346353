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

// The one of the inode; null: it is not among them.
inline const Attr* told_of(std::span<const Attr> told, Ino ino) {
    const auto found = std::ranges::find(told, ino, &Attr::ino);
    return found == told.end() ? nullptr : &*found;
}

struct Node {
    Attr attr;  // the server's answer; stat() lays over it what is unsent
    Grant grant = Grant::none;
    bool current = false;        // attr holds as long as the grant does
    bool listed = false;         // since an opendir() told the kernel so, no name in it changed
    std::uint64_t changes = 0;   // of it, and of the names in it, so far
    bool recalled = false;       // another client waits for what is unsent; nothing is added to it
    bool orphan = false;         // the last link is gone
    bool released = false;       // and so are its users: nobody can ever read it again
    Time atime = 0;              // instead of attr.atime, not sent yet; 0: none
    std::uint64_t stamp = 0;     // of the last change that may not be durable (see Flusher::sync)
    std::uint32_t pins = 0;      // by NodeRef
    std::uint32_t handles = 0;   // open ones
    std::uint32_t mappers = 0;   // of them: open for reading and writing, as a shared mapping is
    std::size_t weight = 0;      // bytes as the table counted them last
    std::unique_ptr<File> file;  // of a regular file
    std::list<Node*>::iterator place;  // among the unused, while pins is 0

    bool knows_attr() const { return current && grant != Grant::none; }
    // The server has newer attributes, or other names in it.
    void changed() {
        current = listed = false;
        ++changes;
    }
    Time accessed() const { return atime != 0 ? atime : attr.atime; }
    // The attributes as a program must see them now.
    Attr stat() const;
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

private:
    Nodes* nodes_ = nullptr;
    Node* node_ = nullptr;
};

// Around a call that changes the inode's attributes. With `sets_mtime` it sets a later time than
// that of all writes so far, which no commit may bring back. If it is refused that time holds
// again; if its outcome is unknown, the attributes must be asked for.
class AttrChange {
public:
    // A null `node` is known to nobody: nothing is done.
    AttrChange(NodeRef node, bool sets_mtime);
    AttrChange(const AttrChange&) = delete;
    AttrChange& operator=(const AttrChange&) = delete;
    ~AttrChange() { settle(wire::Fate::unknown); }
    // Only the first call counts.
    void settle(wire::Fate fate);

private:
    NodeRef node_;
    Time written_ = 0;
    bool is_settled_ = false;
};

class Nodes {
public:
    // `bytes` of `budget` are the table's from the beginning, which bounds what is not in use.
    Nodes(cache::Budget& budget, std::uint64_t bytes, std::uint32_t block_bytes);
    ~Nodes();

    // Null when nothing is known of it. Good until the next await.
    Node* find(Ino ino);
    // The node that `entry` is about, with what it says. Good until the next await.
    Node& learn(const wire::Entry& entry);
    // The same of the answer to an Open. EIO: what is stored of a small file is damaged, and not
    // known therefore; all else is.
    Result<void> learn_opened(const wire::Entry& entry);
    // Attributes alone, as a change answered them; nothing when the node is not known.
    void learn_attr(const Attr& attr);
    void forget_attr(Ino ino);
    // So far, of a folder: to tell whether others came between.
    std::uint64_t changes_of(Ino folder) const {
        const auto found = nodes_.find(folder);
        return found == nodes_.end() ? 0 : found->second.changes;
    }
    // A call of this client changed names in the folder. `told`: inodes as they are after it;
    // `changes`: those before it was sent. Where there are more now, what is told may be old.
    void names_changed(Ino folder, std::span<const Attr> told, std::uint64_t changes);
    // Of every node: it is not known which one changed.
    void forget_attrs();
    // No earlier than the last change of the inode; `node` is null where the table has none of it.
    std::uint64_t changed_at(const Node* node) const {
        return node ? std::max(node->stamp, forgotten_) : forgotten_;
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
    // A change of the metadata was answered. It may not be durable before the next sync.
    std::uint64_t next_stamp() { return ++stamp_; }
    std::uint64_t last_stamp() const { return stamp_; }

private:
    friend class NodeRef;
    Result<void> learn(const wire::Entry& entry, bool opened, Node*& node);
    void apply(Node& node, const Attr& attr);
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
