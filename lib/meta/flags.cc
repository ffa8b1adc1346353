#include "lib/meta/flags.h"

#include <fcntl.h>

#include <cerrno>

namespace flexfs::meta {
namespace {

constexpr std::uint32_t known_flags =
    wire::flag_immutable | wire::flag_append | wire::flag_nodump | wire::flag_noatime;
constexpr std::uint32_t frozen = wire::flag_immutable | wire::flag_append;

Result<void> without(const Inode& inode, std::uint32_t flags) {
    return inode.attr.flags & flags ? fail(EPERM) : Result<void>();
}

}  // namespace

Result<void> flags_let_add(const Inode& folder) {
    return without(folder, wire::flag_immutable);
}

Result<void> flags_let_remove(const Inode& folder, const Inode& inode) {
    TRY(without(folder, frozen));
    return without(inode, frozen);
}

Result<void> flags_let_link(const Inode& inode) {
    return without(inode, frozen);
}

Result<void> flags_let_set_xattr(const Inode& inode) {
    return without(inode, frozen);
}

Result<void> flags_let_set(const Inode& inode, std::uint32_t mask) {
    constexpr std::uint32_t times = wire::set_atime | wire::set_mtime;
    constexpr std::uint32_t rest = wire::set_mode | wire::set_uid | wire::set_gid | wire::set_size;
    if (mask & ~std::uint32_t{wire::set_flags}) TRY(without(inode, wire::flag_immutable));
    const bool other_times = (mask & times) && !(mask & wire::set_touch);
    return (mask & rest) || other_times ? without(inode, wire::flag_append) : Result<void>();
}

Result<void> flags_let_allocate(const Inode& inode, std::uint32_t mode) {
    TRY(without(inode, wire::flag_immutable));
    return mode & ~std::uint32_t{FALLOC_FL_KEEP_SIZE} ? without(inode, wire::flag_append)
                                                      : Result<void>();
}

Result<void> check_flags(std::uint32_t flags) {
    return flags & ~known_flags ? fail(EOPNOTSUPP) : Result<void>();
}

std::uint32_t inherited_flags(const Inode& folder) {
    return folder.attr.flags & (wire::flag_nodump | wire::flag_noatime);
}

}  // namespace flexfs::meta
