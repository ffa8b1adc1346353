#include "lib/vfs/xattr_operations.h"

#include <cerrno>

#include "lib/wire/privileges.h"
#include "lib/wire/xattrs.h"

namespace flexfs::vfs {
namespace {

// Whether an unsent write takes the file's capabilities away.
bool loses_capability(const Node* node) {
    return node && node->file() && node->file()->has_unsent() &&
           node->file()->unsent().loses(Loss::capability);
}

}  // namespace

Task<Buffer> XattrOperations::durability(Ino ino) {
    const NodeRef node = co_await access_.node(ino);
    if (!node->file()) co_return fail(ENODATA);
    co_return Buffer::copy_of(flusher_.is_stored(*node) ? durability_store : durability_memory);
}

// The kernel asks often, mostly for ACLs, and most inodes have none.
Task<Buffer> XattrOperations::getxattr(Ino ino, std::string name, Who who) {
    if (name == durability_name) co_return co_await durability(ino);
    co_await wire::check_xattr_name(name);
    if (name.starts_with("user.")) co_await access_.require(ino, wire::access_read, who);
    if (name.starts_with("trusted.") && options_.squash.applies_to(who)) co_return fail(ENODATA);
    if (Node* node = nodes_.find(ino)) {
        if (node->knows_attr() && !node->attr().has_xattrs) co_return fail(ENODATA);
        // The write takes the capability away when it is sent.
        if (name == wire::capability_name && loses_capability(node)) co_return fail(ENODATA);
    }
    wire::Value value = co_await session_.call(wire::GetXattr{ino, std::move(name)});
    co_return std::move(value.value);
}

// Setting or removing an attribute changes the ctime, and an ACL changes the mode.
Task<void> XattrOperations::setxattr(Ino ino, std::string name, Buffer value, std::uint32_t flags,
                                     Who who, bool kill_setgid) {
    co_await access_.require_writable();
    if (name == wire::capability_name) co_await access_.settle_writes(ino);
    wire::SetXattr request{ino, std::move(name), std::move(value), flags, wall_now(), kill_setgid,
                           who};
    const auto done = co_await result(session_.call(std::move(request)));
    nodes_.forget_attr(ino);
    co_await done;
}

Task<void> XattrOperations::removexattr(Ino ino, std::string name, Who who) {
    co_await access_.require_writable();
    const auto done =
        co_await result(session_.call(wire::RemoveXattr{ino, std::move(name), wall_now(), who}));
    nodes_.forget_attr(ino);
    co_await done;
}

Task<std::vector<std::string>> XattrOperations::listxattr(Ino ino) {
    const auto known = [&] {
        Node* node = nodes_.find(ino);
        return node && node->knows_attr() ? node : nullptr;
    };
    if (Node* node = known(); node && !node->attr().has_xattrs)
        co_return std::vector<std::string>();
    wire::Names names = co_await session_.call(wire::ListXattr{ino});
    if (loses_capability(nodes_.find(ino))) std::erase(names.names, wire::capability_name);
    co_return std::move(names.names);
}

}  // namespace flexfs::vfs
