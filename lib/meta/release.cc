#include <algorithm>

#include "lib/meta/operations.h"

namespace flexfs::meta {

Result<void> release_orphan(Txn& tx, Ino ino, SessionId session) {
    TRY(const std::vector<SessionId> holders, tx.orphans().holders(tx.st(), ino));
    if (std::ranges::find(holders, session) == holders.end()) return {};
    TRY(tx.orphans().erase(tx.st(), ino, session));
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
