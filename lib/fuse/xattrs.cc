// Requests about extended attributes. The kernel asks for a size first, with room for nothing.
#include "lib/wire/xattrs.h"

#include "lib/fuse/caller.h"
#include "lib/fuse/operations.h"
#include "lib/wire/acl.h"
#include "lib/wire/privileges.h"

namespace flexfs::fuse {
namespace {

// An access control list that is not enforced would be worse than none: cp and tar fall back to
// plain modes, and setfacl reports the error.
Result<std::string> supported(const Server& server, std::string name) {
    if (wire::is_acl_name(name) && !server.acls()) return fail(EOPNOTSUPP);
    return name;
}

bool is_shown(const Server& server, const Request& request, std::string_view name) {
    // As in Linux, where these need CAP_SYS_ADMIN; requests carry no capabilities.
    if (name.starts_with("trusted."))
        return request.who().uid == 0 && !server.squash().applies_to(request.who());
    return server.acls() || !wire::is_acl_name(name);
}

// With an ACL, its entries determine what the kernel allows, not the mode: they have to show the
// mount's umask, too.
Result<Buffer> without(std::uint32_t umask, const Buffer& acl) {
    TRY(std::vector<wire::AclEntry> entries, wire::decode_acl_entries(acl));
    for (wire::AclEntry& entry : entries) {
        const int shift = entry.tag == wire::AclTag::owner   ? 6
                          : entry.tag == wire::AclTag::other ? 0
                                                             : 3;
        entry.permissions &= ~(umask >> shift);
    }
    return wire::encode_acl_entries(entries);
}

Result<Answer> sized(Buffer value, std::uint32_t room) {
    if (room == 0) {
        fuse_getxattr_out out{};
        out.size = std::uint32_t(value.size());
        return Answer().add(out);
    }
    if (value.size() > room) return fail(ERANGE);
    return Answer(std::move(value));
}

}  // namespace

Task<Answer> getxattr(Server& server, Request request) {
    const auto in = request.head<fuse_getxattr_in>();
    std::string name = co_await supported(server, co_await request.name(sizeof in));
    const bool is_masked = server.view().umask != 0 && name == wire::acl_access_name;
    Buffer value = co_await server.client().getxattr(request.ino(), std::move(name), request.who());
    if (is_masked) value = co_await without(server.view().umask, value);
    co_return sized(std::move(value), in.size);
}

Task<Answer> setxattr(Server& server, Request request) {
    const auto in = request.head<fuse_setxattr_in>();
    std::string name = co_await supported(server, co_await request.name(sizeof in));
    Buffer value = co_await request.data(sizeof in + name.size() + 1, in.size);
    const bool kill_setgid =
        name == wire::acl_access_name && (in.setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID) != 0;
    co_await server.client().setxattr(request.ino(), std::move(name), std::move(value), in.flags,
                                      request.who(), kill_setgid);
    co_return Answer();
}

Task<Answer> listxattr(Server& server, Request request) {
    const auto in = request.head<fuse_getxattr_in>();
    std::string names;
    for (const auto& name : co_await server.client().listxattr(request.ino()))
        if (is_shown(server, request, name)) (names += name) += '\0';
    co_return sized(Buffer::take(std::move(names)), in.size);
}

Task<Answer> removexattr(Server& server, Request request) {
    std::string name = co_await supported(server, co_await request.name());
    const bool disarms = name == wire::capability_name;
    // A write that appends is allowed and removes the capabilities when it is sent; chown(2) is
    // refused, and must change nothing before that.
    const wire::Attr* known = disarms ? server.client().last_known(request.ino()) : nullptr;
    if (known && (known->flags & wire::flag_append)) {
        if (is_removing_xattr(request)) co_return fail(EPERM);
        server.disarmed().removed(request.ino(), request.pid());
        co_return Answer();
    }
    co_await server.client().removexattr(request.ino(), std::move(name), request.who());
    if (disarms) server.disarmed().removed(request.ino(), request.pid());
    co_return Answer();
}

}  // namespace flexfs::fuse
