// Asks the metadata service about the stored data of files whose dirty data cannot be written back
// before it is known.
#pragma once

#include <functional>
#include <unordered_set>

#include "lib/task/scope.h"
#include "lib/vfs/dirty_files.h"
#include "lib/vfs/session.h"
#include "lib/vfs/trouble.h"

namespace flexfs::vfs {

class Learner {
public:
    // `learned` is called with each file whose data can be written back now; `ended` is woken after
    // each answer. All parameters must outlive this object.
    using Learned = std::function<void(Node&)>;
    Learner(Session& session, Nodes& nodes, DirtyFiles& dirty, Trouble& trouble, Learned learned,
            task::WaitList& ended)
        : session_(session),
          nodes_(nodes),
          dirty_(dirty),
          trouble_(trouble),
          learned_(std::move(learned)),
          ended_(ended) {}

    // Asks about the file, unless its stored data is known or asked for already, or the file has no
    // dirty data.
    void ask(Node& node);
    bool is_asking(const Node& node) const { return asking_.contains(node.ino()); }
    bool is_idle() const { return asking_.empty(); }
    // Ends all running tasks.
    Task<void> close() { return scope_.close(); }

private:
    Task<void> run(NodeRef node);
    void failed(Node& node, const Error& error, bool is_damaged);

    Session& session_;
    Nodes& nodes_;
    DirtyFiles& dirty_;
    Trouble& trouble_;
    Learned learned_;
    task::WaitList& ended_;
    std::unordered_set<Ino> asking_;
    Scope scope_;
};

}  // namespace flexfs::vfs
