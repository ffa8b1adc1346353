// Requests about an inode (attributes, link target) and about the space in the filesystem.
#include <algorithm>
#include <limits>

#include "lib/base/time.h"
#include "lib/fuse/caller.h"
#include "lib/fuse/operations.h"

namespace flexfs::fuse {
namespace {

struct MaskBit {
    std::uint32_t kernel;
    std::uint32_t ours;
};
constexpr MaskBit mask_bits[] = {
    {FATTR_MODE, wire::set_mode},   {FATTR_UID, wire::set_uid},
    {FATTR_GID, wire::set_gid},     {FATTR_SIZE, wire::set_size},
    {FATTR_ATIME, wire::set_atime}, {FATTR_MTIME, wire::set_mtime},
    {FATTR_CTIME, wire::set_ctime}, {FATTR_KILL_SUIDGID, wire::set_kill_privileges},
    {FATTR_FH, wire::set_open},
};

// Times that 64 bits of nanoseconds cannot hold, outside 1678 to 2262, become the nearest valid
// one. Kernels send less than a second as `rest`; more counts as just below a second.
Time join(std::uint64_t seconds, std::uint32_t rest) {
    constexpr Time second = 1'000'000'000;
    constexpr Time last = std::numeric_limits<Time>::max() / second - 1;
    return std::clamp(Time(seconds), -last, last) * second + std::min(Time(rest), second - 1);
}

}  // namespace

Task<Answer> getattr(Server& server, Request request) {
    auto node = co_await server.client().getattr(request.ino());
    co_return Answer().add(kernel_attr_out(node, server.view()));
}

Task<Answer> statx(Server& server, Request request) {
    auto node = co_await server.client().getattr(request.ino());
    co_return Answer().add(kernel_statx(node, server.view()));
}

Task<Answer> setattr(Server& server, Request request) {
    const auto in = request.head<fuse_setattr_in>();
    std::uint32_t mask = 0;
    for (auto [kernel, ours] : mask_bits)
        if (in.valid & kernel) mask |= ours;
    // A chown(2) without an owner and a group arrives like this, and so does the request that
    // clears a user's setuid before a write.
    const bool disarmed = server.disarmed().take(request.ino(), request.pid());
    if (in.valid == 0 && !disarmed) mask = wire::set_kill_privileges;
    if (mask & (wire::set_kill_privileges | wire::set_uid | wire::set_gid)) {
        const vfs::Kill kill = co_await kills_by_word(server, request);
        if (kill.setgid_too) mask |= wire::set_kill_setgid;
    }
    if ((in.valid & FATTR_ATIME_NOW) && (in.valid & FATTR_MTIME_NOW)) mask |= wire::set_touch;
    const Time now = wall_now();
    wire::Attr attr;
    attr.mode = in.mode;
    attr.uid = in.uid;
    attr.gid = in.gid;
    attr.size = in.size;
    attr.atime = in.valid & FATTR_ATIME_NOW ? now : join(in.atime, in.atimensec);
    attr.mtime = in.valid & FATTR_MTIME_NOW ? now : join(in.mtime, in.mtimensec);
    attr.ctime = join(in.ctime, in.ctimensec);
    // The write of a page that was written through a mapping sets the time of that moment, so it
    // must not follow. A truncation holds up writes until it is answered.
    if ((in.valid & FATTR_MTIME) && !(in.valid & FATTR_SIZE) &&
        server.mapped_files().may_be_written(request.ino()))
        co_await server.drop_pages(request, 0, 0);
    auto node = co_await server.client().setattr(request.ino(), mask, attr, request.who());
    co_return Answer().add(kernel_attr_out(node, server.view()));
}

Task<Answer> readlink(Server& server, Request request) {
    co_return Answer(Buffer::take(co_await server.client().readlink(request.ino())));
}

Task<Answer> statfs(Server& server, Request) {
    const auto space = co_await server.client().statfs();
    co_return Answer().add(fuse_statfs_out{kernel_statfs(space)});
}

}  // namespace flexfs::fuse
