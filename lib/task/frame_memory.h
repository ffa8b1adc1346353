// Memory for coroutine frames. A request makes a dozen of them, of few sizes, many above the size
// that malloc caches; so freed frames are kept for the next ones: per thread, and at most
// 256 KiB.
#pragma once

#include <cstddef>

namespace flexfs::task {

void* allocate_frame(std::size_t bytes);
void free_frame(void* frame, std::size_t bytes);

}  // namespace flexfs::task
