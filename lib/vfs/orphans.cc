#include "lib/vfs/orphans.h"

#include <algorithm>

namespace flexfs::vfs {
namespace {

using namespace std::chrono_literals;

// The maximum per message: other requests wait while the service executes it.
constexpr std::size_t releases_max = 256;
// `pause` is how long the first release waits for others to join it. `rest` is the pause between
// full messages, so that other requests get their turn.
constexpr Duration pause = 10ms, rest = 1ms;
// The pause before releases that a full disk refused are sent again.
constexpr Duration retry_pause = 1s;

}  // namespace

void Orphans::add(Ino ino) {
    held_.insert(ino);
    if (Node* node = nodes_.find(ino)) node->set_orphan(true);
}

void Orphans::remove(Ino ino) {
    held_.erase(ino);
    if (Node* node = nodes_.find(ino)) node->set_orphan(false);
}

void Orphans::forgotten(Ino ino) {
    if (held_.empty() || !held_.contains(ino)) return;
    Node* node = nodes_.find(ino);
    if (!node || !node->is_open()) release(ino);
}

void Orphans::release(Ino ino) {
    held_.erase(ino);
    if (Node* node = nodes_.find(ino); node && node->file()) {
        node->release();
        node->file()->cut(0);
        flusher_.dropped(*node);
    }
    released_.push_back(ino);
    start_sending();
}

void Orphans::start_sending() {
    if (sending_) return;
    sending_ = true;
    scope_.start(send());
}

Task<void> Orphans::send() {
    while (!released_.empty()) {
        co_await loop_.sleep(released_.size() < releases_max ? pause : rest);
        if (!co_await result(send_some())) co_await loop_.sleep(retry_pause);
    }
    sending_ = false;
}

// Releases stay in the list until they are answered, because the next process image must take them
// over.
Task<void> Orphans::send_some() {
    const auto turn = co_await asking_.lock();
    if (released_.empty()) co_return;
    wire::Release request;
    const auto count = static_cast<std::ptrdiff_t>(std::min(released_.size(), releases_max));
    request.inos.assign(released_.begin(), released_.begin() + count);
    const auto done = co_await result(session_.call(std::move(request)));
    // A full disk may have room later. After any other error, the end of the session releases the
    // inodes.
    if (code_of(done) == ENOSPC) co_await fail(ENOSPC, "releasing removed files");
    released_.erase(released_.begin(), released_.begin() + count);
}

Task<void> Orphans::release_now() {
    while (!released_.empty() && co_await result(send_some())) {}
}

void Orphans::hand_over(HandedOver& to) const {
    to.orphans.assign(held_.begin(), held_.end());
    to.released.assign(released_.begin(), released_.end());
}

void Orphans::take_over(const HandedOver& from) {
    for (const Ino ino : from.orphans) add(ino);
    released_.assign(from.released.begin(), from.released.end());
    if (!released_.empty()) start_sending();
}

}  // namespace flexfs::vfs
