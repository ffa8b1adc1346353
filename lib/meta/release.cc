#include <algorithm>

#include "lib/meta/operations.h"

namespace flexfs::meta {

Result<std::vector<SessionId>> orphan_holders(Txn& tx, Ino ino) {
    std::vector<SessionId> holders;
    db::Query query(tx.st().orphan_holders, ino);
    for (;;) {
        TRY(bool row, query.next());
        if (!row) return holders;
        holders.push_back(query.number(0));
    }
}

Result<void> release_orphan(Txn& tx, Ino ino, SessionId session) {
    TRY(const std::vector<SessionId> holders, orphan_holders(tx, ino));
    if (std::ranges::find(holders, session) == holders.end()) return {};
    TRY(tx.st().orphan_erase.run(ino, session));
    if (holders.size() > 1) return {};
    TRY(Inode * inode, tx.find(ino));
    if (!inode) return fail(tx.damage("an orphan without its inode"));
    return tx.free(*inode);
}

Result<wire::Done> release(Txn& tx, const wire::Release& request) {
    for (Ino ino : request.inos) TRY(release_orphan(tx, ino, tx.session()));
    return wire::Done{};
}

}  // namespace flexfs::meta
