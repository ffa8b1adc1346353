#include <algorithm>

#include "lib/meta/operations.h"

namespace flexfs::meta {

Result<void> release_orphan(Txn& tx, Ino ino, SessionId session) {
    bool held = false, others = false;
    {
        db::Query query(tx.st().orphan_holders, ino);
        for (;;) {
            TRY(bool row, query.next());
            if (!row) break;
            (query.number(0) == session ? held : others) = true;
        }
    }
    if (!held) return {};
    TRY(tx.st().orphan_erase.run(ino, session));
    if (others) return {};
    TRY(Inode * inode, tx.find(ino));
    if (!inode) return fail(tx.damage("an orphan without its inode"));
    return tx.free(*inode);
}

Result<wire::Done> release(Txn& tx, const wire::Release& request) {
    for (Ino ino : request.inos) TRY(release_orphan(tx, ino, tx.session()));
    return wire::Done{};
}

}  // namespace flexfs::meta
