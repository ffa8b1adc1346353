// Requests about directory streams.
#include <algorithm>

#include "lib/fuse/operations.h"

namespace flexfs::fuse {
namespace {

Task<Answer> list(Server& server, fuse_read_in in, bool plus) {
    DirectoryReply reply(std::min<std::size_t>(in.size, data_bytes_max), plus);
    std::uint64_t cookie = in.offset;
    while (true) {
        auto entries = co_await server.client().readdir(in.fh, cookie, plus);
        if (entries.empty()) break;
        const View view = server.view();
        bool full = false;
        for (const auto& entry : entries) {
            if (!reply.add(entry, view)) {
                reply.drop_tail(entry.cookie);
                full = true;
                break;
            }
            cookie = entry.cookie;
        }
        if (full) break;
    }
    co_return std::move(reply).finish();
}

}  // namespace

Task<Answer> opendir(Server& server, Request request) {
    fuse_open_out out{};
    const auto opened = co_await server.client().opendir(request.ino(), request.who());
    out.fh = opened.handle;
    // The kernel keeps listings only if it caches names. It keeps them consistent with its own
    // changes if a listing is read from its beginning, not if a seekdir continues in the middle.
    if (server.view().entry_valid > Duration::zero())
        out.open_flags = FOPEN_CACHE_DIR | (opened.keep_cache ? FOPEN_KEEP_CACHE : 0);
    co_return Answer().add(out);
}

Task<Answer> readdir(Server& server, Request request) {
    return list(server, request.head<fuse_read_in>(), false);
}

Task<Answer> readdirplus(Server& server, Request request) {
    return list(server, request.head<fuse_read_in>(), true);
}

Task<Answer> releasedir(Server& server, Request request) {
    server.client().releasedir(request.head<fuse_release_in>().fh);
    co_return Answer();
}

Task<Answer> fsyncdir(Server& server, Request request) {
    co_await server.client().fsyncdir(request.ino());
    co_return Answer();
}

}  // namespace flexfs::fuse
