// The metadata protocol: all requests of a client and all pushes to a client.
#pragma once

#include "lib/wire/messages.h"
#include "lib/wire/table.h"

namespace flexfs::wire {

struct Metadata {
    static constexpr std::string_view name = "metadata";

    // clang-format off: one row per line
    using Requests = Operations<
        Operation<OpenSession, "open_session", Effect::changes(12)>,
        Operation<CloseSession, "close_session", Effect::changes(13)>,
        Operation<Renew, "renew", Effect::reads>,
        Operation<Reassert, "reassert", Effect::reads>,
        Operation<Lookup, "lookup", Effect::reads>,
        Operation<GetAttr, "getattr", Effect::reads>,
        Operation<SetAttr, "setattr", Effect::changes(1)>,
        Operation<Make, "make", Effect::changes(0)>,
        Operation<Link, "link", Effect::changes(2)>,
        Operation<Unlink, "unlink", Effect::changes(3)>,
        Operation<Rmdir, "rmdir", Effect::changes(4)>,
        Operation<Rename, "rename", Effect::changes(5)>,
        Operation<ReadDir, "readdir", Effect::reads>,
        Operation<ReadLink, "readlink", Effect::reads>,
        Operation<Access, "access", Effect::reads>,
        Operation<GetXattr, "getxattr", Effect::reads>,
        Operation<SetXattr, "setxattr", Effect::changes(6)>,
        Operation<ListXattr, "listxattr", Effect::reads>,
        Operation<RemoveXattr, "removexattr", Effect::changes(7)>,
        Operation<Open, "open", Effect::reads>,
        Operation<Release, "release", Effect::changes(10)>,
        Operation<Extents, "extents", Effect::reads>,
        Operation<Commit, "commit", Effect::changes(8)>,
        Operation<Sync, "sync", Effect::reads>,
        Operation<ReserveSegments, "reserve_segments", Effect::changes(11)>,
        Operation<StatFs, "statfs", Effect::reads>,
        Operation<ReturnGrant, "return_grant", Effect::reads>,
        Operation<Compact, "compact", Effect::changes(9)>,
        Operation<Allocate, "allocate", Effect::changes(14)>,
        Operation<CopyRange, "copy_range", Effect::changes(15)>>;
    // clang-format on

    using Pushes = Messages<Revoke, Recall>;
};

}  // namespace flexfs::wire
