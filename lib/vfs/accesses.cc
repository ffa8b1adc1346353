#include "lib/vfs/accesses.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "lib/wire/fate.h"

namespace flexfs::vfs {
namespace {

using namespace std::chrono_literals;
constexpr std::size_t times_max = 16 << 10;
// At most this many go into one commit, so that other requests do not wait long.
constexpr std::size_t together_max = 256;
constexpr Duration age_max = 30s;

wire::Commit request_for(std::span<const std::pair<Ino, Time>> times) {
    wire::Commit request;
    request.now = wall_now();
    for (const auto& [ino, when] : times) {
        wire::InodeCommit change;
        change.ino = ino;
        change.atime = when;
        request.inodes.push_back(std::move(change));
    }
    return request;
}

}  // namespace

void Accesses::add(Node& node, Time when) {
    node.note_access(when);
    if (times_.empty()) {
        since_ = loop_.now();
        came_.wake_all();
    }
    // If sending takes long or fails, others are not recorded until there is room.
    if (times_.size() >= 2 * times_max && !times_.contains(node.ino())) return;
    times_[node.ino()] = when;
    if (times_.size() >= times_max && !sending_.held()) scope_.start(send());
}

void Accesses::forget(Ino ino) {
    times_.erase(ino);
    if (Node* node = nodes_.find(ino)) node->forget_access();
}

Duration Accesses::due() const {
    return times_.empty() ? Duration::max() : since_ + age_max;
}

// Those that arrive meanwhile are not sent.
Task<void> Accesses::send() {
    const auto turn = co_await sending_.lock();
    since_ = loop_.now();
    const std::vector<std::pair<Ino, Time>> all(times_.begin(), times_.end());
    Result<void> outcome;
    for (auto next = all.begin(); next != all.end();) {
        const auto end = next + std::min<std::ptrdiff_t>(all.end() - next, together_max);
        const std::span some(next, end);
        const auto sent = co_await result(session_.call(request_for(some)));
        if (!sent) outcome = fail(sent.error());
        if (wire::fate_of(sent) == wire::Fate::unknown) break;
        for (const auto& [ino, when] : some) answered(ino, when, sent.has_value());
        next = end;
    }
    co_await outcome;
}

// A later access, or a time that was set, stays as it is.
void Accesses::answered(Ino ino, Time when, bool is_sent) {
    const auto found = times_.find(ino);
    if (found == times_.end() || found->second != when) return;
    times_.erase(found);
    Node* const node = nodes_.find(ino);
    if (node && is_sent) node->access_sent(when);
    else if (node) node->forget_access();
}

}  // namespace flexfs::vfs
