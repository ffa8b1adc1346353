// The metadata protocol: all requests of a client and all pushes to it.
#pragma once

#include "lib/wire/messages.h"
#include "lib/wire/table.h"

namespace flexfs::wire {

struct Metadata {
    static constexpr std::string_view name = "metadata";

    // clang-format off: one row per line
    using Requests = Operations<
        Operation<OpenSession, "open_session", Effect::changes>,
        Operation<CloseSession, "close_session", Effect::changes>,
        Operation<Renew, "renew", Effect::reads>,
        Operation<Lookup, "lookup", Effect::reads>,
        Operation<GetAttr, "getattr", Effect::reads>,
        Operation<SetAttr, "setattr", Effect::changes>,
        Operation<Make, "make", Effect::changes>,
        Operation<Link, "link", Effect::changes>,
        Operation<Unlink, "unlink", Effect::changes>,
        Operation<Rmdir, "rmdir", Effect::changes>,
        Operation<Rename, "rename", Effect::changes>,
        Operation<ReadDir, "readdir", Effect::reads>,
        Operation<ReadLink, "readlink", Effect::reads>,
        Operation<Access, "access", Effect::reads>,
        Operation<GetXattr, "getxattr", Effect::reads>,
        Operation<SetXattr, "setxattr", Effect::changes>,
        Operation<ListXattr, "listxattr", Effect::reads>,
        Operation<RemoveXattr, "removexattr", Effect::changes>,
        Operation<Open, "open", Effect::reads>,
        Operation<Release, "release", Effect::changes>,
        Operation<Extents, "extents", Effect::reads>,
        Operation<Commit, "commit", Effect::changes>,
        Operation<Sync, "sync", Effect::reads>,
        Operation<ReserveSegments, "reserve_segments", Effect::changes>,
        Operation<StatFs, "statfs", Effect::reads>,
        Operation<ReturnGrant, "return_grant", Effect::reads>,
        Operation<Compact, "compact", Effect::changes>,
        Operation<Allocate, "allocate", Effect::changes>,
        Operation<CopyRange, "copy_range", Effect::changes>>;
    // clang-format on

    using Pushes = Messages<Revoke, Recall>;
};

}  // namespace flexfs::wire
