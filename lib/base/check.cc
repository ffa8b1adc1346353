#include "lib/base/check.h"

#include <execinfo.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace flexfs {

void check_failed(std::source_location where) {
    std::fprintf(stderr, "flexfs: bug: check failed at %s:%u in %s\n", where.file_name(),
                 where.line(), where.function_name());
    void* frames[64];
    backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
    std::abort();
}

}  // namespace flexfs
