#include <cerrno>

#include "lib/meta/end.h"
#include "lib/meta/operations.h"

namespace flexfs::meta {

Result<wire::Removed> rmdir(Txn& tx, const wire::Rmdir& request) {
    TRY(const End end, find_end(tx, request.parent, request.name));
    if (!end.inode) return fail(ENOENT);
    TRY(tx.caller(request.who).may_remove(*end.parent, *end.inode));
    if (!end.is_folder()) return fail(ENOTDIR);
    TRY(const bool empty, tx.is_empty(end.inode->attr.ino));
    if (!empty) return fail(ENOTEMPTY);

    tx.erase_name(request.parent, request.name);
    return lose(tx, end, request.now);
}

}  // namespace flexfs::meta
