#include <sys/xattr.h>

#include <cerrno>

#include "lib/meta/operations.h"

namespace flexfs::meta {
namespace {

// listxattr(2) cannot tell more than this, so more cannot be set.
constexpr std::size_t names_bytes_max = 64 << 10;

Result<void> check_xattr_name(std::string_view name) {
    if (name.empty() || name.size() > wire::xattr_name_bytes_max) return fail(ERANGE);
    return name.find('\0') == name.npos ? Result<void>() : fail(EINVAL);
}

Result<bool> exists(Txn& tx, const Inode& inode, std::string_view name) {
    if (!inode.has(has_xattrs)) return false;
    db::Query query(tx.st().xattr_get, inode.attr.ino, name);
    return query.next();
}

Result<std::size_t> names_bytes(Txn& tx, const Inode& inode) {
    std::size_t bytes = 0;
    if (!inode.has(has_xattrs)) return bytes;
    db::Query query(tx.st().xattr_names, inode.attr.ino);
    for (;;) {
        TRY(bool row, query.next());
        if (!row) return bytes;
        bytes += query.text(0).size() + 1;
    }
}

}  // namespace

Result<wire::Done> set_xattr(Txn& tx, const wire::SetXattr& request) {
    TRY(check_xattr_name(request.name));
    if (request.value.size() > wire::xattr_value_bytes_max) return fail(E2BIG);
    if (request.flags & ~std::uint32_t{XATTR_CREATE | XATTR_REPLACE}) return fail(EINVAL);
    TRY(Inode * inode, tx.inode(request.ino));
    TRY(may_change_xattrs(*inode));
    TRY(const bool there, exists(tx, *inode, request.name));
    if (there && (request.flags & XATTR_CREATE)) return fail(EEXIST);
    if (!there && (request.flags & XATTR_REPLACE)) return fail(ENODATA);
    if (!there) {
        TRY(const std::size_t bytes, names_bytes(tx, *inode));
        if (bytes + request.name.size() + 1 > names_bytes_max) return fail(ENOSPC);
    }

    TRY(tx.st().xattr_put.run(request.ino, std::string_view(request.name), request.value.view(),
                              tx.now()));
    inode->state |= has_xattrs;
    inode->attr.ctime = request.now;
    tx.changed(*inode);
    return wire::Done{};
}

Result<wire::Done> remove_xattr(Txn& tx, const wire::RemoveXattr& request) {
    TRY(check_xattr_name(request.name));
    TRY(Inode * inode, tx.inode(request.ino));
    TRY(may_change_xattrs(*inode));
    TRY(const bool there, exists(tx, *inode, request.name));
    if (!there) return fail(ENODATA);

    TRY(tx.st().xattr_erase.run(request.ino, std::string_view(request.name)));
    inode->attr.ctime = request.now;
    tx.changed(*inode);
    return wire::Done{};
}

}  // namespace flexfs::meta
