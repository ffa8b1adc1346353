#include "lib/fuse/channel.h"

#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <climits>

#include "lib/base/check.h"
#include "lib/base/log.h"

namespace flexfs::fuse {
namespace {

constexpr int requests_a_turn = 32;

// Data up to this size is copied out of the request, so that it does not occupy a buffer of a
// megabyte.
constexpr std::size_t copied_bytes_max = 64 << 10;

}  // namespace

std::shared_ptr<RequestBuffers> RequestBuffers::make(std::size_t free_max) {
    return std::shared_ptr<RequestBuffers>(new RequestBuffers(free_max));
}

RequestBuffers::~RequestBuffers() {
    for (std::byte* memory : free_) munmap(memory, request_bytes_max);
}

std::shared_ptr<std::byte> RequestBuffers::get() {
    std::lock_guard lock(mutex_);
    std::byte* memory = nullptr;
    if (!free_.empty()) {
        memory = free_.back();
        free_.pop_back();
    } else {
        void* fresh = mmap(nullptr, request_bytes_max, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (fresh == MAP_FAILED) return nullptr;
        memory = static_cast<std::byte*>(fresh);
    }
    return {memory, [self = shared_from_this()](std::byte* done) { self->put_back(done); }};
}

void RequestBuffers::put_back(std::byte* memory) {
    std::lock_guard lock(mutex_);
    if (free_.size() < free_max_) free_.push_back(memory);
    else munmap(memory, request_bytes_max);
}

Channel::Channel(int descriptor, std::size_t large_max, Receiver receiver)
    : descriptor_(descriptor),
      receiver_(std::move(receiver)),
      large_max_(large_max),
      buffers_(RequestBuffers::make(large_max)) {}

Channel::~Channel() {
    ::close(descriptor_);
}

bool Channel::poll() {
    int taken = 0;
    while (taken < requests_a_turn && read_one()) ++taken;
    return taken > 0;
}

bool Channel::read_one() {
    if (!wanted() || (!current_ && !(current_ = buffers_->get()))) return false;

    const ssize_t size = ::read(descriptor_, current_.get(), request_bytes_max);
    if (size < 0) {
        // ENOENT: the request was interrupted before it was read.
        if (errno == EAGAIN || errno == EINTR || errno == ENOENT) return errno == ENOENT;
        if (errno != ENODEV)
            log::error("reading the kernel's requests: {}", strerrordesc_np(errno));
        ended_ = true;
        return true;
    }
    fuse_in_header header;
    if (std::size_t(size) < sizeof header) {
        if (size > 0)
            log::error("a request of {} bytes is shorter than its header; reading no more", size);
        ended_ = true;
        return true;
    }
    std::memcpy(&header, current_.get(), sizeof header);
    const ByteView body{current_.get() + sizeof header, std::size_t(size) - sizeof header};
    if (body.size() <= copied_bytes_max) {
        receiver_(Request(header, Buffer::copy_of(body)));
    } else {
        // A list of 4096 forgotten inodes is this long too, and is never answered.
        if (header.opcode != FUSE_BATCH_FORGET) large_.insert(header.unique);
        Buffer shared(std::move(current_), body);
        current_ = nullptr;
        receiver_(Request(header, std::move(shared)));
    }
    return true;
}

void Channel::send(std::uint64_t unique, const Result<Answer>& outcome) {
    if (!large_.empty()) large_.erase(unique);
    fuse_out_header header{.len = sizeof header, .error = -code_of(outcome), .unique = unique};
    std::array<iovec, 64> few;
    std::vector<iovec> many;
    iovec* pieces = few.data();
    int count = 1;
    if (outcome) {
        if (outcome->data().size() + 2 > few.size()) {
            check(outcome->data().size() + 2 <= IOV_MAX);
            many.resize(outcome->data().size() + 2);
            pieces = many.data();
        }
        const ByteView head = outcome->head();
        if (!head.empty()) pieces[count++] = {const_cast<std::byte*>(head.data()), head.size()};
        for (const Buffer& piece : outcome->data())
            pieces[count++] = {const_cast<std::byte*>(piece.data()), piece.size()};
        header.len += std::uint32_t(outcome->size());
    }
    pieces[0] = {&header, sizeof header};
    // ENOENT: the kernel has dropped the request. No error here can be handled in any other way.
    if (::writev(descriptor_, pieces, count) < 0 && errno != ENOENT && errno != ENODEV)
        log::error("answering request {}: {}", unique, strerrordesc_np(errno));
}

Result<void> Channel::notify(int code, ByteView body, std::string_view name) {
    fuse_out_header header{
        .len = std::uint32_t(sizeof header + body.size() + (name.empty() ? 0 : name.size() + 1)),
        .error = code,
        .unique = 0};
    const std::string terminated(name);
    const iovec pieces[] = {{&header, sizeof header},
                            {const_cast<std::byte*>(body.data()), body.size()},
                            {const_cast<char*>(terminated.c_str()), terminated.size() + 1}};
    if (::writev(descriptor_, pieces, name.empty() ? 2 : 3) < 0) return fail(errno);
    return {};
}

}  // namespace flexfs::fuse
