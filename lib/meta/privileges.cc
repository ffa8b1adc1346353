#include "lib/wire/privileges.h"

#include "lib/meta/operations.h"

namespace flexfs::meta {

Result<void> kill_privileges(Txn& tx, Inode& inode, bool setgid_too) {
    const std::uint32_t left = wire::without_privileges(inode.attr.mode, setgid_too);
    if (left != inode.attr.mode) {
        inode.attr.mode = left;
        tx.changed(inode);
    }
    return drop_capability(tx, inode);
}

Result<void> drop_capability(Txn& tx, Inode& inode) {
    TRY(tx.erase_xattr(inode, wire::capability_name));
    return {};
}

}  // namespace flexfs::meta
