#include <cerrno>

#include "lib/meta/operations.h"

namespace flexfs::meta {

Result<wire::Entry> link(Txn& tx, const wire::Link& request) {
    TRY(check_name(request.name));
    TRY(Inode * parent, tx.living_directory(request.parent));
    TRY(Inode * inode, tx.inode(request.ino));
    if (inode->is_directory()) return fail(EPERM);
    // An inode that lost its last name stays nameless, as on every Linux filesystem; one that was
    // made with O_TMPFILE may get a name.
    if (inode->attr.nlink == 0 && !inode->has(is_linkable)) return fail(ENOENT);
    TRY(const std::optional<Name> there, tx.name(request.parent, request.name));
    if (there) return fail(EEXIST);
    TRY(tx.caller(request.who).may_link(*parent, *inode));
    if (inode->attr.nlink >= wire::nlink_max) return fail(EMLINK);
    TRY(tx.room_for_name(request.parent, request.name));

    if (inode->has(is_linkable)) {
        inode->state &= ~std::uint32_t{is_linkable};
        TRY(const std::vector<SessionId> holders, tx.orphans().holders(tx.st(), request.ino));
        for (SessionId holder : holders) TRY(tx.orphans().erase(tx.st(), request.ino, holder));
    }
    tx.put_name(request.parent, request.name, *inode);
    ++inode->attr.nlink;
    inode->attr.parent = request.parent;
    inode->attr.ctime = request.now;
    tx.changed(*inode);
    tx.touch(*parent, request.now);
    TRY(wire::Entry entry, entry_of(tx.st(), *inode, true));
    entry.also = {parent->attr};
    return entry;
}

}  // namespace flexfs::meta
