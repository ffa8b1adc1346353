// Keeps the process's heap about as small as its contents. Data of many sizes is allocated and
// freed in different orders, which leaves glibc's heap full of free pages; they are returned to the
// system from time to time.
#pragma once

#include "lib/loop/loop.h"

namespace flexfs::loop {

// Allocates large buffers directly from the system, so that freeing them returns their memory, and
// limits the number of heaps that threads use. Affects the whole process.
void tune_heap();

// Returns free pages to the system whenever there are many, until it is stopped.
Task<void> keep_heap_small(Loop& loop);

}  // namespace flexfs::loop
