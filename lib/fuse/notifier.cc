#include "lib/fuse/notifier.h"

#include "lib/base/log.h"
#include "lib/fuse/channel.h"

namespace flexfs::fuse {
namespace {

constexpr std::size_t notices_max = 64 << 10;

// The kernel forgets the attributes of an inode, and with `data` its pages, too; it may wait for
// those. ENOENT where it does not know the inode.
Result<void> drop_inode(Channel& channel, wire::Ino ino, bool data) {
    // A negative offset leaves the data alone; 0 and length 0 drop all of it.
    const fuse_notify_inval_inode_out out{.ino = ino, .off = data ? 0 : -1, .len = 0};
    return channel.notify(FUSE_NOTIFY_INVAL_INODE, std::as_bytes(std::span(&out, 1)));
}

}  // namespace

void Notifier::drop_attributes(wire::Ino ino) {
    queue({ino, false, {}});
}

void Notifier::drop_attributes_now(wire::Ino ino) {
    if (channel_) tell({ino, false, {}});
}

void Notifier::drop_data(wire::Ino ino) {
    queue({ino, true, {}});
}

void Notifier::drop_entry(wire::Ino parent, const std::string& name) {
    queue({parent, false, name});
}

void Notifier::queue(Notice notice) {
    std::lock_guard lock(mutex_);
    if (closing_ || !channel_) return;
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    // The bound is far beyond what the kernel takes a lease's time for; what is left out then ends
    // with its view.
    if (notices_.size() >= notices_max) notices_.pop_front();
    notices_.push_back(std::move(notice));
    changed_.notify_one();
}

void Notifier::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return closing_ || !notices_.empty(); });
        if (closing_) return;
        const Notice notice = std::move(notices_.front());
        notices_.pop_front();
        lock.unlock();
        tell(notice);
        lock.lock();
    }
}

void Notifier::tell(const Notice& notice) {
    Result<void> told;
    if (notice.name.empty()) {
        told = drop_inode(*channel_, notice.ino, notice.data);
    } else {
        const fuse_notify_inval_entry_out out{
            .parent = notice.ino, .namelen = std::uint32_t(notice.name.size()), .flags = 0};
        told = channel_->notify(FUSE_NOTIFY_INVAL_ENTRY, std::as_bytes(std::span(&out, 1)),
                                notice.name);
    }
    if (!told && told.error().code != ENOENT && told.error().code != ENODEV)
        log::warn("telling the kernel to forget inode {}: {}", notice.ino, told.error().message());
}

void Notifier::close() {
    {
        std::lock_guard lock(mutex_);
        closing_ = true;
        changed_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
}

}  // namespace flexfs::fuse
