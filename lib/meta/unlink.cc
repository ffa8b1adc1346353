#include <cerrno>

#include "lib/meta/end.h"
#include "lib/meta/operations.h"

namespace flexfs::meta {

Result<wire::Removed> unlink(Txn& tx, const wire::Unlink& request) {
    TRY(const End end, find_end(tx, request.parent, request.name));
    if (!end.inode) return fail(ENOENT);
    TRY(tx.caller(request.who).may_remove(*end.parent, *end.inode));
    if (end.is_folder()) return fail(EISDIR);

    tx.erase_name(request.parent, request.name);
    return lose(tx, end, request.now);
}

}  // namespace flexfs::meta
