#include "lib/base/time.h"

#include <time.h>

namespace flexfs {
namespace {

std::int64_t now(clockid_t clock) {
    timespec ts;
    clock_gettime(clock, &ts);
    return ts.tv_sec * std::int64_t{1'000'000'000} + ts.tv_nsec;
}

}  // namespace

Time wall_now() {
    return now(CLOCK_REALTIME);
}

Duration monotonic_now() {
    return Duration(now(CLOCK_MONOTONIC));
}

}  // namespace flexfs
