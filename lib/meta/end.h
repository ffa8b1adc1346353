// What rename, unlink and rmdir share: a name, looked up to be taken away or replaced.
#pragma once

#include "lib/meta/txn.h"

namespace flexfs::meta {

// A name in its folder, and what it leads to (null: nothing).
struct End {
    Inode* parent = nullptr;
    std::string_view name;
    Inode* inode = nullptr;

    bool is_folder() const { return inode && inode->is_directory(); }
};

// EINVAL, ENAMETOOLONG; ENOENT, ENOTDIR of the parent. A name that is not there is no error.
// `name` must outlive the answer.
Result<End> find_end(Txn& tx, Ino parent, std::string_view name);

// After the name is gone, or leads elsewhere: what it led to has a link less. A folder that is lost
// takes its ".." from the parent.
Result<wire::Removed> lose(Txn& tx, const End& end, Time now);

}  // namespace flexfs::meta
