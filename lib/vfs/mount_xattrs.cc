// Extended attributes.
#include <cerrno>

#include "lib/vfs/mount.h"
#include "lib/wire/privileges.h"
#include "lib/wire/xattrs.h"

namespace flexfs::vfs {
namespace {

// By a write that is not sent yet.
bool loses_capability(const Node* node) {
    return node && node->file && node->file->has_unsent() &&
           node->file->unsent().loses(Loss::capability);
}

}  // namespace

// The kernel asks often, for ACLs above all, and most inodes have none.
Task<Buffer> Mount::getxattr(Ino ino, std::string name, Who who) {
    co_await wire::check_xattr_name(name);
    if (name.starts_with("user.")) co_await check_access(ino, wire::access_read, who);
    if (name.starts_with("trusted.") && options_.squash.applies_to(who)) co_return fail(ENODATA);
    if (Node* node = nodes_.find(ino)) {
        if (node->knows_attr() && !node->attr.has_xattrs) co_return fail(ENODATA);
        // The write will take it away when it is sent.
        if (name == wire::capability_name && loses_capability(node)) co_return fail(ENODATA);
    }
    wire::Value value = co_await session_->call(wire::GetXattr{ino, std::move(name)});
    co_return std::move(value.value);
}

// Both change the ctime, and an ACL the mode.
Task<void> Mount::setxattr(Ino ino, std::string name, Buffer value, std::uint32_t flags, Who who,
                           bool kill_setgid) {
    co_await writable();
    if (name == wire::capability_name) co_await settle_writes(ino);
    wire::SetXattr request{ino, std::move(name), std::move(value), flags, wall_now(), kill_setgid,
                           who};
    const auto done = co_await result(session_->call(std::move(request)));
    nodes_.forget_attr(ino);
    co_await done;
}

Task<void> Mount::removexattr(Ino ino, std::string name, Who who) {
    co_await writable();
    const auto done =
        co_await result(session_->call(wire::RemoveXattr{ino, std::move(name), wall_now(), who}));
    nodes_.forget_attr(ino);
    co_await done;
}

Task<std::vector<std::string>> Mount::listxattr(Ino ino) {
    const auto known = [&] {
        Node* node = nodes_.find(ino);
        return node && node->knows_attr() ? node : nullptr;
    };
    if (Node* node = known(); node && !node->attr.has_xattrs) co_return std::vector<std::string>();
    wire::Names names = co_await session_->call(wire::ListXattr{ino});
    if (loses_capability(nodes_.find(ino))) std::erase(names.names, wire::capability_name);
    co_return std::move(names.names);
}

}  // namespace flexfs::vfs
