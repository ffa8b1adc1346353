// Requests about extended attributes. The kernel asks for a size first, with room for nothing.
#include "lib/fuse/operations.h"

namespace flexfs::fuse {
namespace {

// An access control list that nobody enforces would be worse than none: cp and tar fall back to
// plain modes, and setfacl tells.
Result<std::string> supported(std::string name) {
    if (name.starts_with("system.posix_acl_")) return fail(EOPNOTSUPP);
    return name;
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
    std::string name = co_await supported(co_await request.name(sizeof in));
    co_return sized(co_await server.client().getxattr(request.ino(), std::move(name)), in.size);
}

Task<Answer> setxattr(Server& server, Request request) {
    const auto in = request.head<fuse_setxattr_in>();
    std::string name = co_await supported(co_await request.name(sizeof in));
    Buffer value = co_await request.data(sizeof in + name.size() + 1, in.size);
    co_await server.client().setxattr(request.ino(), std::move(name), std::move(value), in.flags);
    co_return Answer();
}

Task<Answer> listxattr(Server& server, Request request) {
    const auto in = request.head<fuse_getxattr_in>();
    std::string names;
    for (const auto& name : co_await server.client().listxattr(request.ino()))
        (names += name) += '\0';
    co_return sized(Buffer::take(std::move(names)), in.size);
}

Task<Answer> removexattr(Server& server, Request request) {
    std::string name = co_await supported(co_await request.name());
    co_await server.client().removexattr(request.ino(), std::move(name));
    co_return Answer();
}

}  // namespace flexfs::fuse
