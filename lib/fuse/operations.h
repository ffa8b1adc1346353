// Every request that is answered, one row each.
#pragma once

#include <cstdint>
#include <span>

#include "lib/fuse/server.h"

namespace flexfs::fuse {

struct Operation {
    std::uint32_t opcode;
    const char* name;
    // Answers the request; its error becomes the reply's errno.
    Task<Answer> (*handle)(Server& server, Request request);
    bool xattr = false;
};

// Returns null for an unknown request: the kernel gets ENOSYS, and usually does not send it again.
const Operation* operation(std::uint32_t opcode);
std::span<const Operation> all_operations();

// names.cc
Task<Answer> lookup(Server& server, Request request);
Task<Answer> mkdir(Server& server, Request request);
Task<Answer> mknod(Server& server, Request request);
Task<Answer> symlink(Server& server, Request request);
Task<Answer> link(Server& server, Request request);
Task<Answer> unlink(Server& server, Request request);
Task<Answer> rmdir(Server& server, Request request);
Task<Answer> rename(Server& server, Request request);
Task<Answer> rename2(Server& server, Request request);
// Has no reply.
void forget(Server& server, const Request& request);
void batch_forget(Server& server, const Request& request);

// attributes.cc
Task<Answer> getattr(Server& server, Request request);
Task<Answer> statx(Server& server, Request request);
Task<Answer> setattr(Server& server, Request request);
Task<Answer> readlink(Server& server, Request request);
Task<Answer> statfs(Server& server, Request request);

// directories.cc
Task<Answer> opendir(Server& server, Request request);
Task<Answer> readdir(Server& server, Request request);
Task<Answer> readdirplus(Server& server, Request request);
Task<Answer> releasedir(Server& server, Request request);
Task<Answer> fsyncdir(Server& server, Request request);

// files.cc
Task<Answer> create(Server& server, Request request);
Task<Answer> tmpfile(Server& server, Request request);
Task<Answer> open(Server& server, Request request);
Task<Answer> read(Server& server, Request request);
Task<Answer> write(Server& server, Request request);
Task<Answer> flush(Server& server, Request request);
Task<Answer> fsync(Server& server, Request request);
Task<Answer> release(Server& server, Request request);
Task<Answer> allocate(Server& server, Request request);
Task<Answer> seek(Server& server, Request request);
Task<Answer> copy_range(Server& server, Request request);

// ioctls.cc
Task<Answer> ioctl(Server& server, Request request);

// xattrs.cc
Task<Answer> getxattr(Server& server, Request request);
Task<Answer> setxattr(Server& server, Request request);
Task<Answer> listxattr(Server& server, Request request);
Task<Answer> removexattr(Server& server, Request request);

}  // namespace flexfs::fuse
