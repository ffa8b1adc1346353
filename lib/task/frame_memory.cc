#include "lib/task/frame_memory.h"

#include <array>
#include <new>
#include <utility>

namespace flexfs::task {
namespace {

constexpr std::size_t step = 64, largest = 4096;

// So that a sanitizer sees whoever uses a frame that is gone.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool keeps_frames = false;
#elif defined(__has_feature)
constexpr bool keeps_frames = !__has_feature(address_sanitizer);
#else
constexpr bool keeps_frames = true;
#endif

struct FreeFrame {
    FreeFrame* next;
};

struct FreeFrames {
    std::array<FreeFrame*, largest / step> lists{};
    std::size_t bytes = 0;

    ~FreeFrames() {
        bytes = kept_frame_bytes_max;  // what still comes is not kept
        for (FreeFrame* frame : lists) {
            while (frame) ::operator delete(std::exchange(frame, frame->next));
        }
    }
};
thread_local FreeFrames free_frames;

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
    if (!keeps_frames || bytes > largest || free_frames.bytes + rounded > kept_frame_bytes_max) {
        ::operator delete(frame);
        return;
    }
    FreeFrame*& list = free_frames.lists[list_of(bytes)];
    list = new (frame) FreeFrame{list};
    free_frames.bytes += rounded;
}

}  // namespace flexfs::task
