#include "lib/vfs/access.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace flexfs::vfs {
namespace {

constexpr Time day = 24ll * 3600 * 1'000'000'000;

}  // namespace

Result<void> Access::require_writable() const {
    if (session_.read_only()) return fail(EROFS);
    return {};
}

Task<void> Access::require(Ino ino, std::uint32_t mask, Who who) {
    if (options_.squash.applies_to(who)) co_await session_.call(wire::Access{ino, mask, who});
}

Task<NodeRef> Access::node(Ino ino) {
    if (Node* known = nodes_.find(ino); known && known->knows_attr()) co_return nodes_.pin(*known);
    co_return nodes_.pin(nodes_.learn(co_await session_.call(wire::GetAttr{ino})));
}

Task<void> Access::refresh(NodeRef node) {
    if (node->grant() == Grant::none) {
        // Without a grant nothing may be cached: each read asks the service.
        node->file()->stored().forget();
        // If the data is damaged it stays unknown, and the read reports that.
        (void)nodes_.learn_opened(co_await session_.call(wire::Open{node->ino(), Grant::shared}));
    } else if (!node->knows_attr() && !node->file()->has_unsent()) {
        nodes_.learn(co_await session_.call(wire::GetAttr{node->ino()}));
    }
}

Task<void> Access::settle_writes(Ino ino) {
    Node* node = nodes_.find(ino);
    if (!node || !node->file() || !node->file()->has_unsent()) co_return;
    co_await flusher_.flush(nodes_.pin(*node), false);
}

bool Access::note_read(Node& node) {
    const Attr& attr = node.attr();
    if (options_.access_times == AccessTimes::never || session_.read_only()) return false;
    if (attr.flags & wire::flag_noatime) return false;
    if (S_ISDIR(attr.mode) && !options_.folder_access_times) return false;
    const Time now = wall_now();
    if (options_.access_times == AccessTimes::relative) {
        const Attr told = node.stat();
        if (told.atime > std::max(told.mtime, told.ctime) && now - told.atime < day) return false;
    }
    flusher_.accesses().add(node, now);
    return true;
}

Access::PrivilegeReport::PrivilegeReport(const Access& access, const Node& node, Kill kill)
    : ino_(node.ino()) {
    const bool takes = kill.privileges && (node.attr().mode & (S_ISUID | S_ISGID)) &&
                       node.file()->unsent().loss() < Loss::privileges;
    if (takes) caches_ = access.caches_;
}

void Access::PrivilegeReport::send() {
    if (KernelCaches* const caches = std::exchange(caches_, nullptr))
        caches->drop_attributes_now(ino_);
}

}  // namespace flexfs::vfs
