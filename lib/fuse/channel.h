// The kernel's queue of requests, read and answered without waiting.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "lib/base/result.h"
#include "lib/fuse/answer.h"
#include "lib/fuse/request.h"
#include "lib/loop/loop.h"

namespace flexfs::fuse {

// Memory for requests. A write's data stays where the kernel put it until it is uploaded, so
// buffers come and go, a whole segment's at a time; up to `free_max` are kept for reuse, because
// the page faults of fresh memory cost more than everything else about a large write.
class RequestBuffers : public std::enable_shared_from_this<RequestBuffers> {
public:
    static std::shared_ptr<RequestBuffers> make(std::size_t free_max);
    ~RequestBuffers();
    // Returns a buffer of request_bytes_max; null if the system has no memory. Any thread may drop
    // it.
    std::shared_ptr<std::byte> get();

private:
    explicit RequestBuffers(std::size_t free_max) : free_max_(free_max) {}
    void put_back(std::byte* memory);

    const std::size_t free_max_;
    std::mutex mutex_;  // a pool thread that uploaded the data may be the last to drop it
    std::vector<std::byte*> free_;
};

class Channel final : public loop::Pollable {
public:
    using Receiver = std::function<void(Request)>;

    // Takes over the descriptor, which must not block. While `large_max` requests that keep their
    // buffer are unanswered, no more are read, because nothing else counts a write's memory until
    // it is answered. The same number of buffers is kept free.
    Channel(int descriptor, std::size_t large_max, Receiver receiver);
    ~Channel() override;

    int descriptor() const override { return descriptor_; }
    bool wanted() override { return !paused_ && !ended_ && large_.size() < large_max_; }
    // Reads queued requests, a limited number of them, and passes each to the receiver.
    bool poll() override;
    // While paused, requests stay with the kernel, and their callers wait.
    void pause(bool paused) { paused_ = paused; }
    // Returns true after the kernel has taken the filesystem down.
    bool ended() const { return ended_; }

    void send(std::uint64_t unique, const Result<Answer>& outcome);
    // The buffer of the request, if it is a large one, is counted elsewhere from now on.
    void note_counted(std::uint64_t unique) { large_.erase(unique); }
    // Sends the kernel a notification; `code` is a fuse_notify_code. May block; any thread may call
    // it. ENOENT if the kernel does not know the inode.
    Result<void> notify(int code, ByteView body, std::string_view name = {});

private:
    bool read_one();

    int descriptor_;
    Receiver receiver_;
    std::size_t large_max_;
    std::unordered_set<std::uint64_t> large_;  // unanswered
    std::shared_ptr<RequestBuffers> buffers_;
    std::shared_ptr<std::byte> current_;
    bool ended_ = false;
    bool paused_ = false;
};

}  // namespace flexfs::fuse
