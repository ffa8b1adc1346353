#include "lib/fuse/operations.h"

#include <array>

namespace flexfs::fuse {
namespace {

constexpr Operation operations[] = {
    {FUSE_LOOKUP, "lookup", lookup},
    {FUSE_GETATTR, "getattr", getattr},
    {opcode_statx, "statx", statx},
    {FUSE_SETATTR, "setattr", setattr},
    {FUSE_READLINK, "readlink", readlink},
    {FUSE_SYMLINK, "symlink", symlink},
    {FUSE_MKNOD, "mknod", mknod},
    {FUSE_MKDIR, "mkdir", mkdir},
    {FUSE_UNLINK, "unlink", unlink},
    {FUSE_RMDIR, "rmdir", rmdir},
    {FUSE_RENAME, "rename", rename},
    {FUSE_RENAME2, "rename2", rename2},
    {FUSE_LINK, "link", link},
    {FUSE_CREATE, "create", create},
    {FUSE_TMPFILE, "tmpfile", tmpfile},
    {FUSE_OPEN, "open", open},
    {FUSE_READ, "read", read},
    {FUSE_WRITE, "write", write},
    {FUSE_FLUSH, "flush", flush},
    {FUSE_FSYNC, "fsync", fsync},
    {FUSE_RELEASE, "release", release},
    {FUSE_FALLOCATE, "fallocate", allocate},
    {FUSE_LSEEK, "lseek", seek},
    {FUSE_COPY_FILE_RANGE, "copy_file_range", copy_range},
    {FUSE_OPENDIR, "opendir", opendir},
    {FUSE_READDIR, "readdir", readdir},
    {FUSE_READDIRPLUS, "readdirplus", readdirplus},
    {FUSE_RELEASEDIR, "releasedir", releasedir},
    {FUSE_FSYNCDIR, "fsyncdir", fsyncdir},
    {FUSE_STATFS, "statfs", statfs},
    {FUSE_IOCTL, "ioctl", ioctl},
    {FUSE_GETXATTR, "getxattr", getxattr, true},
    {FUSE_SETXATTR, "setxattr", setxattr, true},
    {FUSE_LISTXATTR, "listxattr", listxattr, true},
    {FUSE_REMOVEXATTR, "removexattr", removexattr, true},
};

constexpr auto by_opcode = [] {
    std::array<const Operation*, opcodes> table{};
    for (const Operation& row : operations) table[row.opcode] = &row;
    return table;
}();

}  // namespace

const Operation* operation(std::uint32_t opcode) {
    return opcode < by_opcode.size() ? by_opcode[opcode] : nullptr;
}

std::span<const Operation> all_operations() {
    return operations;
}

}  // namespace flexfs::fuse
