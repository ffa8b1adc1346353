#include "lib/vfs/accesses.h"

#include <utility>

namespace flexfs::vfs {
namespace {

using namespace std::chrono_literals;
constexpr std::size_t times_max = 16 << 10;
// At most this many go into one commit, so that other requests do not wait long.
constexpr std::size_t together_max = 256;
constexpr Duration age_max = 30s;

}  // namespace

void Accesses::add(Node& node, Time when) {
    node.note_access(when);
    if (times_.empty()) {
        since_ = loop_.now();
        came_.wake_all();
    }
    times_[node.attr.ino] = when;
    if (times_.size() >= times_max) scope_.start(send());
}

void Accesses::forget(Ino ino) {
    times_.erase(ino);
    if (Node* node = nodes_.find(ino)) node->forget_access();
}

Duration Accesses::due() const {
    return times_.empty() ? Duration::max() : since_ + age_max;
}

Task<void> Accesses::send() {
    const auto times = std::exchange(times_, {});
    for (auto next = times.begin(); next != times.end();) {
        wire::Commit request;
        request.now = wall_now();
        const auto first = next;
        for (; next != times.end() && request.inodes.size() < together_max; ++next) {
            wire::InodeCommit change;
            change.ino = next->first;
            change.atime = next->second;
            request.inodes.push_back(std::move(change));
        }
        co_await session_.call(std::move(request));
        for (auto told = first; told != next; ++told) {
            if (Node* node = nodes_.find(told->first)) node->access_sent(told->second);
        }
    }
}

}  // namespace flexfs::vfs
