// The process's heap, kept as small as what is in it. Data comes in pieces of many sizes and goes
// in another order, which leaves glibc's heap full of free pages: they are given back now and then.
#pragma once

#include "lib/loop/loop.h"

namespace flexfs::loop {

// Large buffers come from the system and go back to it; threads share few heaps. For the whole
// process.
void tune_heap();

// Gives free pages back to the system whenever there are many, until it is stopped.
Task<void> keep_heap_small(Loop& loop);

}  // namespace flexfs::loop
