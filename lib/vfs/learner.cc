#include "lib/vfs/learner.h"

#include <cerrno>

#include "lib/base/log.h"

namespace flexfs::vfs {

void Learner::ask(Node& node) {
    const File& file = *node.file();
    if (file.stored().knows_inline() || file.unsent().dirty().empty()) return;
    if (asking_.insert(node.ino()).second) scope_.start(run(nodes_.pin(node)));
}

Task<void> Learner::run(NodeRef node) {
    const auto entry = co_await result(session_.call(wire::Open{node->ino(), Grant::shared}));
    asking_.erase(node->ino());
    const auto learned = entry ? nodes_.learn_opened(*entry) : Result<void>(fail(entry.error()));
    if (learned) learned_(*node);
    else failed(*node, learned.error(), entry.has_value());
    node->file()->changed().wake_all();
    ended_.wake_all();
}

void Learner::failed(Node& node, const Error& error, bool is_damaged) {
    File& file = *node.file();
    file.errors().add(error.code);
    if (is_damaged) {
        // It can never be written back, and other files' data must not wait for it.
        log::error("unsent data is lost: {}", error.message());
        file.unsent().give_up();
        dirty_.recheck(node);
    } else if (error.code == ENOENT || error.code == ESTALE) {
        file.cut(0);
        dirty_.recheck(node);
    } else if (error.code != ECANCELED) {
        trouble_.add(error);
    }
}

}  // namespace flexfs::vfs
