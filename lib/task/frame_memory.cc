#include "lib/task/frame_memory.h"

#include <array>
#include <new>
#include <utility>

namespace flexfs::task {
namespace {

constexpr std::size_t step = 64, largest = 4096;

// Under a sanitizer frames are freed at once, so that it sees the use of a freed one.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool keeps_frames = false;
#elif defined(__has_feature)
constexpr bool keeps_frames = !__has_feature(address_sanitizer);
#else
constexpr bool keeps_frames = true;
#endif

constexpr std::size_t kept_bytes_max = 256 << 10;

struct FreeFrame {
    FreeFrame* next;
};

// It has no destructor, so that a frame that outlives the thread's other variables still finds it.
struct FreeFrames {
    std::array<FreeFrame*, largest / step> lists;
    std::size_t bytes;
    bool closed;
};
constinit thread_local FreeFrames free_frames{};

// Frees the kept frames when the thread ends.
struct Closer {
    ~Closer() {
        free_frames.closed = true;
        for (FreeFrame*& list : free_frames.lists)
            while (list) ::operator delete(std::exchange(list, list->next));
    }
    void stand_by() const {}
};
thread_local const Closer closer;

constexpr std::size_t list_of(std::size_t bytes) {
    return (bytes - 1) / step;
}

}  // namespace

void* allocate_frame(std::size_t bytes) {
    if (!keeps_frames || bytes > largest) return ::operator new(bytes);
    FreeFrame*& list = free_frames.lists[list_of(bytes)];
    const std::size_t rounded = (list_of(bytes) + 1) * step;
    if (!list) return ::operator new(rounded);
    free_frames.bytes -= rounded;
    return std::exchange(list, list->next);
}

void free_frame(void* frame, std::size_t bytes) {
    const std::size_t rounded = (list_of(bytes) + 1) * step;
    if (!keeps_frames || bytes > largest || free_frames.closed ||
        free_frames.bytes + rounded > kept_bytes_max) {
        ::operator delete(frame);
        return;
    }
    if (free_frames.bytes == 0) closer.stand_by();
    FreeFrame*& list = free_frames.lists[list_of(bytes)];
    list = new (frame) FreeFrame{list};
    free_frames.bytes += rounded;
}

}  // namespace flexfs::task
