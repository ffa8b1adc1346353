#include "lib/meta/end.h"

namespace flexfs::meta {

Result<End> find_end(Txn& tx, Ino parent, std::string_view name) {
    TRY(check_name(name));
    End end{nullptr, name, nullptr};
    TRY(end.parent, tx.directory(parent));
    TRY(const std::optional<Name> found, tx.name(parent, name));
    if (!found) return end;
    TRY(end.inode, tx.find(found->ino));
    if (!end.inode) return fail(tx.damage("a name without its inode"));
    return end;
}

Result<wire::Removed> lose(Txn& tx, const End& end, Time now) {
    if (end.is_folder()) --end.parent->attr.nlink;
    tx.touch(*end.parent, now);
    end.inode->attr.ctime = now;
    TRY(tx.drop_link(*end.inode));
    return wire::Removed{.attr = end.inode->attr, .also = {end.parent->attr}};
}

}  // namespace flexfs::meta
