#include "lib/vfs/directory.h"

#include <sys/stat.h>

#include <algorithm>

namespace flexfs::vfs {
namespace {

constexpr std::uint64_t self_cookie = 1, parent_cookie = 2;
constexpr std::uint32_t page_first = 128, page_next = 1024;
constexpr std::size_t chunk_min = 32, chunk_max = 512;

Listed dot(std::string name, std::uint64_t cookie, Ino ino) {
    Listed listed;
    listed.name = std::move(name);
    listed.cookie = cookie;
    listed.node.attr.ino = ino;
    listed.node.attr.mode = S_IFDIR;
    return listed;
}

}  // namespace

Task<Ino> Directory::parent() {
    if (ino_ == wire::root_ino) co_return ino_;
    if (Node* node = nodes_.find(ino_); node && node->knows_attr()) co_return node->attr().parent;
    const wire::Entry entry = co_await session_.call(wire::GetAttr{ino_});
    co_return entry.attr.parent;
}

Task<std::vector<Listed>> Directory::read(std::uint64_t cookie, bool plus) {
    std::vector<Listed> listed;
    if (cookie < self_cookie) listed.push_back(dot(".", self_cookie, ino_));
    if (cookie < parent_cookie) listed.push_back(dot("..", parent_cookie, co_await parent()));

    // Rewinding starts a new listing, because the program wants to see what changed.
    const auto after_cookie = [](std::uint64_t from, const wire::DirEntry& entry) {
        return from < entry.cookie;
    };
    auto next = page_.end();
    const bool here = goes_on(cookie, plus);
    if (here) next = std::upper_bound(page_.begin(), page_.end(), cookie, after_cookie);
    if (next == page_.end() && !(here && end_)) {
        co_await fetch(cookie > parent_cookie ? cookie : 0, plus);
        next = page_.begin();
    }
    // Entries that the reader did not use must be copied again next time, so return as many as it
    // uses.
    const auto at = static_cast<std::size_t>(next - page_.begin());
    if (at > from_ && taken_ > 0) chunk_ = std::clamp((at - from_) * 2, chunk_min, chunk_max);
    from_ = at;
    taken_ = std::min(chunk_, page_.size() - at);
    // Names with the same cookie must stay in one answer.
    while (at + taken_ < page_.size() && taken_ > 0 &&
           page_[at + taken_].cookie == page_[at + taken_ - 1].cookie)
        ++taken_;
    const std::vector<wire::DirEntry> given(next, next + static_cast<std::ptrdiff_t>(taken_));
    listed.reserve(listed.size() + given.size());
    for (const wire::DirEntry& entry : given) listed.push_back(co_await list(entry, plus));
    co_return listed;
}

// The kernel uses a listing as lookups: a page from before a change would restore a name that is
// gone.
bool Directory::goes_on(std::uint64_t cookie, bool plus) const {
    return has_page_ && plus == plus_ && cookie > parent_cookie && cookie >= after_ &&
           folder_->changes() == changes_;
}

Task<void> Directory::fetch(std::uint64_t after, bool plus) {
    if (!folder_) {
        Node* folder = nodes_.find(ino_);
        if (!folder) folder = &nodes_.learn(co_await session_.call(wire::GetAttr{ino_}));
        folder_ = nodes_.pin(*folder);
    }
    // While the folder keeps changing, most of a long page would be discarded.
    const bool changing = has_page_ && folder_->changes() != changes_;
    changes_ = folder_->changes();
    asked_ = nodes_.last_stamp();
    wire::ReadDir request;
    request.ino = ino_;
    request.after = after;
    request.limit = after == 0 || changing ? page_first : page_next;
    request.plus = plus;
    wire::Listing page = co_await session_.call(std::move(request));
    page_ = std::move(page.entries);
    end_ = page.end;
    grant_ = page.grant;
    has_page_ = true;
    after_ = after;
    plus_ = plus;
    from_ = taken_ = 0;
}

Task<Listed> Directory::list(wire::DirEntry entry, bool plus) {
    Listed listed;
    listed.name = std::move(entry.name);
    listed.cookie = entry.cookie;
    listed.node.attr.ino = entry.ino;
    listed.node.attr.mode = entry.mode;
    if (!plus) co_return listed;
    // Unsent data of this client is known only here. If another client has unsent data of a file,
    // the listing has no attributes of it.
    Node* node = nodes_.find(entry.ino);
    const bool stale = entry.attr.ino == 0 || nodes_.changed_at(node) > asked_;
    if (!(node && node->knows_attr()) && stale) {
        auto told = co_await result(session_.call(wire::GetAttr{entry.ino}));
        if (told) node = &nodes_.learn(*told);
        else node = nullptr;
    }
    if (node && node->knows_attr()) {
        listed.node = {node->stat(), true};
    } else if (node && node->file() && node->file()->has_unsent()) {
        nodes_.learn_attr(entry.attr);
        listed.node = {node->stat(), grant_ != Grant::none};
    } else if (entry.attr.ino != 0) {
        listed.node = {entry.attr, grant_ != Grant::none};
    }
    co_return listed;
}

}  // namespace flexfs::vfs
