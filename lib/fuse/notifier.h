// Tells the kernel what to drop from its caches, in a thread of its own: such a call can wait for a
// request that the loop has still to answer, so the loop must never make it, except for the
// attributes of an inode that is in use.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "lib/vfs/vfs.h"

namespace flexfs::fuse {

class Channel;

class Notifier final : public vfs::KernelCaches {
public:
    Notifier();
    ~Notifier() { close(); }
    // Before a channel is attached, the kernel has cached nothing and gets no notifications.
    void attach(Channel& channel) { channel_ = &channel; }

    void drop_attributes(wire::Ino ino) override;
    void drop_attributes_now(wire::Ino ino) override;
    void drop_data(wire::Ino ino) override;
    void drop_entry(wire::Ino parent, const std::string& name) override;
    void on_overflow(std::function<void()> walk) override { walk_ = std::move(walk); }

    // Drops a part of the data at once: for a thread that may block.
    void drop_range(wire::Ino ino, std::uint64_t offset, std::uint64_t length);

    // Discards what is still queued, and everything that follows.
    void stop();
    // Whether the thread waits for the kernel. This may last until a request is answered.
    bool is_telling();
    // As stop(), and ends the thread. The channel may end after that.
    void close();

private:
    struct Notice {
        wire::Ino ino;
        bool data;
        std::string name;  // empty: the inode itself
    };
    void queue(Notice notice);
    void start_over();
    void run();
    void tell(const Notice& notice);

    Channel* channel_ = nullptr;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Notice> notices_;
    std::function<void()> walk_;
    std::size_t notices_max_;  // of the queue; if it overflows, walk_ fills it again
    bool walking_ = false;
    bool closing_ = false;
    bool telling_ = false;
    std::thread thread_;  // starts with the first notice: an embedded volume has none
};

}  // namespace flexfs::fuse
