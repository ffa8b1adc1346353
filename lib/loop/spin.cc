#include "lib/loop/spin.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace flexfs::loop {
namespace {

using namespace std::chrono_literals;

constexpr Duration span_max = 100us;
constexpr Duration budget_max = 20ms;
constexpr int vain_share = 4;   // at most a quarter of the time is spent on unsuccessful polling
constexpr int misses_max = 32;  // then polling is only tried occasionally
constexpr Duration quiet = 2ms;
constexpr Duration count_interval = 4ms;

}  // namespace

Duration Spin::span(Duration now) {
    budget_ = std::min(budget_max, budget_ + (now - refilled_) / vain_share);
    refilled_ = now;
    if (crowded_ || now < quiet_until_ || budget_ < span_max) return Duration::zero();
    return span_max;
}

void Spin::missed(Duration now, Duration spent) {
    budget_ -= spent;
    if (++misses_ >= misses_max) quiet_until_ = now + quiet;
}

void Spin::counted(Duration now, int running, int processors) {
    count_at_ = now + count_interval;
    crowded_ = running > processors;
}

int running_threads() {
    // The file has the form "0.20 0.18 0.12 1/80 11206"; the fourth field is running/all.
    const int file = ::open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    char text[64] = {};
    const ssize_t size = ::read(file, text, sizeof text - 1);
    ::close(file);
    const char* slash = size > 0 ? std::strchr(text, '/') : nullptr;
    if (!slash) return 0;
    const char* number = slash;
    while (number > text && number[-1] != ' ') --number;
    return std::atoi(number);
}

}  // namespace flexfs::loop
