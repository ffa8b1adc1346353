// Memory for coroutine frames. A request makes a dozen of them, of few sizes, many above the size
// that malloc caches. So freed frames are kept for reuse, at most 256 KiB of them for each
// thread.
#pragma once

#include <cstddef>

namespace flexfs::task {

void* allocate_frame(std::size_t bytes);
void free_frame(void* frame, std::size_t bytes);

}  // namespace flexfs::task
