#include "lib/fuse/notifier.h"

#include <algorithm>

#include "lib/base/log.h"
#include "lib/fuse/channel.h"

namespace flexfs::fuse {
namespace {

constexpr std::size_t notices_max = 64 << 10;

// The kernel drops the attributes of an inode, and its pages from `offset` on, which can block:
// `length` bytes of them, 0 for all; a negative offset keeps the data.
Result<void> drop_inode(Channel& channel, wire::Ino ino, std::int64_t offset, std::int64_t length) {
    const fuse_notify_inval_inode_out out{.ino = ino, .off = offset, .len = length};
    return channel.notify(FUSE_NOTIFY_INVAL_INODE, std::as_bytes(std::span(&out, 1)));
}

// ENOENT: the kernel no longer knows the inode or the name.
void report(const Result<void>& told, wire::Ino ino) {
    if (!told && told.error().code != ENOENT && told.error().code != ENODEV)
        log::warn("telling the kernel to forget inode {}: {}", ino, told.error().message());
}

}  // namespace

Notifier::Notifier() : notices_max_(notices_max) {}

void Notifier::drop_attributes(wire::Ino ino) {
    queue({ino, false, {}});
}

void Notifier::drop_attributes_now(wire::Ino ino) {
    if (channel_) tell({ino, false, {}});
}

void Notifier::drop_data(wire::Ino ino) {
    queue({ino, true, {}});
}

void Notifier::drop_range(wire::Ino ino, std::uint64_t offset, std::uint64_t length) {
    report(drop_inode(*channel_, ino, std::int64_t(offset), std::int64_t(length)), ino);
}

void Notifier::drop_entry(wire::Ino parent, const std::string& name) {
    queue({parent, false, name});
}

void Notifier::queue(Notice notice) {
    start_over();
    std::lock_guard lock(mutex_);
    if (closing_ || !channel_) return;
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    notices_.push_back(std::move(notice));
    changed_.notify_one();
}

// The queue is full. Everything that the client knows of takes its place, which its tables bound;
// the client sees to the rest (KernelCaches::on_overflow).
void Notifier::start_over() {
    {
        std::lock_guard lock(mutex_);
        if (walking_ || notices_.size() < notices_max_) return;
        notices_.clear();
    }
    log::warn("the kernel is slow to drop cached entries; asking it to drop everything");
    walking_ = true;
    if (walk_) walk_();
    walking_ = false;
    std::lock_guard lock(mutex_);
    notices_max_ = std::max(notices_max, 2 * notices_.size());
}

void Notifier::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return closing_ || !notices_.empty(); });
        if (closing_) return;
        const Notice notice = std::move(notices_.front());
        notices_.pop_front();
        telling_ = true;
        lock.unlock();
        tell(notice);
        lock.lock();
        telling_ = false;
    }
}

void Notifier::tell(const Notice& notice) {
    Result<void> told;
    if (notice.name.empty()) {
        told = drop_inode(*channel_, notice.ino, notice.data ? 0 : -1, 0);
    } else {
        const fuse_notify_inval_entry_out out{
            .parent = notice.ino, .namelen = std::uint32_t(notice.name.size()), .flags = 0};
        told = channel_->notify(FUSE_NOTIFY_INVAL_ENTRY, std::as_bytes(std::span(&out, 1)),
                                notice.name);
    }
    report(told, notice.ino);
}

void Notifier::stop() {
    std::lock_guard lock(mutex_);
    closing_ = true;
    changed_.notify_one();
}

bool Notifier::is_telling() {
    std::lock_guard lock(mutex_);
    return telling_;
}

void Notifier::close() {
    stop();
    if (thread_.joinable()) thread_.join();
    channel_ = nullptr;
}

}  // namespace flexfs::fuse
