#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>

#include "lib/meta/operations.h"

namespace flexfs::meta {
namespace {

// listxattr(2) cannot return more than this, so setting more names is refused.
constexpr std::size_t names_bytes_max = 64 << 10;

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

Result<void> check_room(Txn& tx, const Inode& inode, std::string_view name) {
    TRY(const std::size_t bytes, names_bytes(tx, inode));
    return bytes + name.size() + 1 > names_bytes_max ? fail(ENOSPC) : Result<void>();
}

// Returns false if neither the mode nor the stored ACL changed: then ctime stays, as on ext4.
Result<bool> set_acl(Txn& tx, Inode& inode, const wire::SetXattr& request) {
    if (S_ISLNK(inode.attr.mode)) return fail(EOPNOTSUPP);
    TRY(const Acl acl, decode_acl(request.value));
    const bool is_default = request.name == acl_default_name;
    if (is_default && !inode.is_directory())
        return acl.entries.empty() ? Result<bool>(false) : fail(EACCES);
    const std::uint32_t before = inode.attr.mode;
    if (!is_default && !acl.entries.empty()) {
        std::uint32_t mode = (inode.attr.mode & ~std::uint32_t{0777}) | acl.permissions();
        if (request.kill_setgid) mode &= ~std::uint32_t{S_ISGID};
        inode.attr.mode = tx.caller(request.who).without_foreign_setgid(mode, inode);
    }
    const bool moded = inode.attr.mode != before;
    if (acl.entries.empty() || (!is_default && acl.is_only_mode())) {
        TRY(const bool there, tx.erase_xattr(inode, request.name));
        return moded || there;
    }
    Buffer value = encode_acl(acl);
    TRY(const std::optional<Buffer> there, load_xattr(tx.st(), inode, request.name));
    if (there && *there == value) return moded;
    TRY(tx.put_xattr(inode, request.name, value));
    return true;
}

// Returns false if the attribute had this value already: then ctime stays, as on ext4.
Result<bool> set_plain(Txn& tx, Inode& inode, const wire::SetXattr& request) {
    TRY(const std::optional<Buffer> there, load_xattr(tx.st(), inode, request.name));
    if (there && (request.flags & XATTR_CREATE)) return fail(EEXIST);
    if (!there && (request.flags & XATTR_REPLACE)) return fail(ENODATA);
    if (there && *there == request.value) return false;
    if (!there) TRY(check_room(tx, inode, request.name));
    TRY(tx.put_xattr(inode, request.name, request.value));
    return true;
}

}  // namespace

Result<wire::Done> set_xattr(Txn& tx, const wire::SetXattr& request) {
    TRY(wire::check_xattr_name(request.name));
    if (request.value.size() > wire::xattr_value_bytes_max) return fail(E2BIG);
    if (request.flags & ~std::uint32_t{XATTR_CREATE | XATTR_REPLACE}) return fail(EINVAL);
    TRY(Inode * inode, tx.inode(request.ino));
    TRY(tx.caller(request.who).may_set_xattr(*inode, request.name));
    TRY(const bool changed, wire::is_acl_name(request.name) ? set_acl(tx, *inode, request)
                                                            : set_plain(tx, *inode, request));
    if (!changed) return wire::Done{};

    inode->attr.ctime = request.now;
    tx.changed(*inode);
    return wire::Done{};
}

Result<wire::Done> remove_xattr(Txn& tx, const wire::RemoveXattr& request) {
    TRY(wire::check_xattr_name(request.name));
    TRY(Inode * inode, tx.inode(request.ino));
    TRY(tx.caller(request.who).may_remove_xattr(*inode, request.name));
    TRY(const bool there, tx.erase_xattr(*inode, request.name));
    // Removing an ACL that does not exist succeeds, because the mode stands for it.
    if (!there) return wire::is_acl_name(request.name) ? Result<wire::Done>() : fail(ENODATA);

    inode->attr.ctime = request.now;
    tx.changed(*inode);
    return wire::Done{};
}

}  // namespace flexfs::meta
