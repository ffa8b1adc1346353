// A name that is looked up to be removed or replaced; shared by rename, unlink and rmdir.
#pragma once

#include "lib/meta/txn.h"

namespace flexfs::meta {

// A name in its directory, and the inode that it refers to (null: none).
struct End {
    Inode* parent = nullptr;
    std::string_view name;
    Inode* inode = nullptr;

    bool is_folder() const { return inode && inode->is_directory(); }
};

// Looks the name up. EINVAL, ENAMETOOLONG; ESTALE, ENOTDIR (the parent). It is not an error if the
// name does not exist. `name` must outlive the result.
Result<End> find_end(Txn& tx, Ino parent, std::string_view name);

// Called after the name was removed or replaced: the inode that it referred to loses a link, and if
// that is a directory, the parent loses the link of its "..".
Result<wire::Removed> lose(Txn& tx, const End& end, Time now);

}  // namespace flexfs::meta
