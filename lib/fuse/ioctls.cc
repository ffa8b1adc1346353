// The flags of files and directories (chattr(1)), in both forms that programs use. The kernel
// checks who may set them.
#include <linux/fs.h>

#include "lib/fuse/operations.h"

namespace flexfs::fuse {
namespace {

struct FlagName {
    std::uint32_t flag;
    std::uint32_t extended;
};
constexpr FlagName flag_names[] = {
    {wire::flag_immutable, FS_XFLAG_IMMUTABLE},
    {wire::flag_append, FS_XFLAG_APPEND},
    {wire::flag_nodump, FS_XFLAG_NODUMP},
    {wire::flag_noatime, FS_XFLAG_NOATIME},
};
static_assert(wire::flag_immutable == FS_IMMUTABLE_FL && wire::flag_append == FS_APPEND_FL &&
              wire::flag_nodump == FS_NODUMP_FL && wire::flag_noatime == FS_NOATIME_FL);

// This is far more than any reply needs; the kernel accepts no more, either.
constexpr std::uint32_t out_bytes_max = 1 << 16;

// Returns the value in exactly the number of bytes that the kernel accepts.
template <class T>
Answer told(const T& value, std::uint32_t room) {
    WritableBuffer bytes(room);
    std::fill_n(bytes.data(), room, std::byte{0});
    std::memcpy(bytes.data(), &value, std::min<std::size_t>(room, sizeof value));
    return Answer(std::move(bytes).freeze()).add(fuse_ioctl_out{});
}

// EINVAL: the body is shorter than the struct.
template <class T>
Result<T> given(const Request& request, const fuse_ioctl_in& in) {
    if (in.in_size < sizeof(T)) return fail(EINVAL);
    TRY(const Buffer bytes, request.data(sizeof in, sizeof(T)));
    return load_le<T>(bytes.data());
}

Task<Answer> set_flags(Server& server, Request request, std::uint32_t flags) {
    wire::Attr attr;
    attr.flags = flags;
    co_await server.client().setattr(request.ino(), wire::set_flags, attr, request.who());
    // The kernel does not regard an ioctl as a change, and would keep the old ctime.
    server.notifier().drop_attributes_now(request.ino());
    co_return Answer().add(fuse_ioctl_out{});
}

fsxattr extended(std::uint32_t flags) {
    fsxattr out{};
    for (const FlagName& name : flag_names)
        if (flags & name.flag) out.fsx_xflags |= name.extended;
    return out;
}

// EOPNOTSUPP: unsupported fields, such as project ids.
Result<std::uint32_t> plain(const fsxattr& wanted) {
    std::uint32_t flags = 0, rest = wanted.fsx_xflags;
    for (const FlagName& name : flag_names) {
        if (rest & name.extended) flags |= name.flag;
        rest &= ~name.extended;
    }
    if (rest || wanted.fsx_projid || wanted.fsx_extsize || wanted.fsx_cowextsize)
        return fail(EOPNOTSUPP);
    return flags;
}

}  // namespace

Task<Answer> ioctl(Server& server, Request request) {
    const auto in = request.head<fuse_ioctl_in>();
    if (in.out_size > out_bytes_max) co_return fail(EINVAL);
    switch (in.cmd) {
        case FS_IOC_GETFLAGS: {
            const auto node = co_await server.client().getattr(request.ino());
            co_return told(node.attr.flags, in.out_size);
        }
        case FS_IOC_FSGETXATTR: {
            const auto node = co_await server.client().getattr(request.ino());
            co_return told(extended(node.attr.flags), in.out_size);
        }
        case FS_IOC_SETFLAGS: {
            const auto flags = co_await given<std::uint32_t>(request, in);
            co_return co_await set_flags(server, std::move(request), flags);
        }
        case FS_IOC_FSSETXATTR: {
            const auto flags = co_await plain(co_await given<fsxattr>(request, in));
            co_return co_await set_flags(server, std::move(request), flags);
        }
        default: co_return fail(ENOTTY);
    }
}

}  // namespace flexfs::fuse
