// Memory for coroutine frames. A request makes a dozen of them, of few sizes and many above what
// malloc keeps at hand, so the last ones that were given back serve the next: per thread, and no
// more than 256 KiB.
#pragma once

#include <cstddef>

namespace flexfs::task {

void* allocate_frame(std::size_t bytes);
void free_frame(void* frame, std::size_t bytes);

}  // namespace flexfs::task
