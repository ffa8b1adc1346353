// Requests about names: looking up, making, linking, removing, moving.
#include <sys/stat.h>

#include "lib/fuse/operations.h"

namespace flexfs::fuse {
namespace {

Answer entry(const Server& server, const vfs::Known& node) {
    return Answer().add(kernel_entry(node, server.view()));
}

// rename and rename2 differ only in their struct.
Task<Answer> move(Server& server, Request request, std::uint64_t new_parent, std::uint32_t flags,
                  std::size_t names_at) {
    std::string name = co_await request.name(names_at);
    std::string new_name = co_await request.name(names_at + name.size() + 1);
    co_await server.client().rename(request.ino(), std::move(name), new_parent, std::move(new_name),
                                    flags, request.who());
    co_return Answer();
}

}  // namespace

Task<Answer> lookup(Server& server, Request request) {
    std::string name = co_await request.name();
    auto found =
        co_await result(server.client().lookup(request.ino(), std::move(name), request.who()));
    if (found) co_return entry(server, *found);
    if (found.error().code != ENOENT) co_return fail(std::move(found.error()));
    // The kernel also caches that a name does not exist: inode 0, valid as long as a name.
    co_return entry(server, {.attr = {}, .cacheable = true});
}

Task<Answer> mkdir(Server& server, Request request) {
    const auto in = request.head<fuse_mkdir_in>();
    std::string name = co_await request.name(sizeof in);
    const std::uint32_t mode = S_IFDIR | (in.mode & 07777);
    auto made = co_await server.client().make(request.ino(), std::move(name), mode, 0, {},
                                              request.who(), in.umask);
    co_return entry(server, made);
}

Task<Answer> mknod(Server& server, Request request) {
    const auto in = request.head<fuse_mknod_in>();
    std::string name = co_await request.name(sizeof in);
    auto made = co_await server.client().make(request.ino(), std::move(name), in.mode, in.rdev, {},
                                              request.who(), in.umask);
    co_return entry(server, made);
}

Task<Answer> symlink(Server& server, Request request) {
    std::string name = co_await request.name();
    std::string target = co_await request.name(name.size() + 1);
    auto made = co_await server.client().make(request.ino(), std::move(name), S_IFLNK | 0777, 0,
                                              std::move(target), request.who());
    co_return entry(server, made);
}

Task<Answer> link(Server& server, Request request) {
    const auto in = request.head<fuse_link_in>();
    std::string name = co_await request.name(sizeof in);
    co_return entry(server, co_await server.client().link(in.oldnodeid, request.ino(),
                                                          std::move(name), request.who()));
}

Task<Answer> unlink(Server& server, Request request) {
    std::string name = co_await request.name();
    co_await server.client().unlink(request.ino(), std::move(name), request.who());
    co_return Answer();
}

Task<Answer> rmdir(Server& server, Request request) {
    std::string name = co_await request.name();
    co_await server.client().rmdir(request.ino(), std::move(name), request.who());
    co_return Answer();
}

Task<Answer> rename(Server& server, Request request) {
    const auto in = request.head<fuse_rename_in>();
    return move(server, std::move(request), in.newdir, 0, sizeof in);
}

Task<Answer> rename2(Server& server, Request request) {
    const auto in = request.head<fuse_rename2_in>();
    return move(server, std::move(request), in.newdir, in.flags, sizeof in);
}

void forget(Server& server, const Request& request) {
    server.client().forget(request.ino());
}

void batch_forget(Server& server, const Request& request) {
    const auto in = request.head<fuse_batch_forget_in>();
    for (std::uint32_t i = 0; i < in.count; ++i) {
        auto one = request.data(sizeof in + i * sizeof(fuse_forget_one), sizeof(fuse_forget_one));
        if (!one) return;
        server.client().forget(load_le<fuse_forget_one>(one->data()).nodeid);
    }
}

}  // namespace flexfs::fuse
