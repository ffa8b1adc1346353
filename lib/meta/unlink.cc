#include <cerrno>

#include "lib/meta/operations.h"

namespace flexfs::meta {

Result<wire::Removed> unlink(Txn& tx, const wire::Unlink& request) {
    TRY(check_name(request.name));
    TRY(Inode * parent, tx.directory(request.parent));
    TRY(const std::optional<Name> name, tx.name(request.parent, request.name));
    if (!name) return fail(ENOENT);
    TRY(Inode * inode, tx.find(name->ino));
    if (!inode) return fail(tx.damage("a name without its inode"));
    TRY(tx.caller(request.who).may_remove(*parent, *inode));
    TRY(may_remove(*parent, *inode));
    if (inode->is_directory()) return fail(EISDIR);

    TRY(tx.erase_name(request.parent, request.name));
    tx.touch(*parent, request.now);
    inode->attr.ctime = request.now;
    TRY(tx.drop_link(*inode));
    return wire::Removed{inode->attr};
}

}  // namespace flexfs::meta
