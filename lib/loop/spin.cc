#include "lib/loop/spin.h"

#include <algorithm>

namespace flexfs::loop {
namespace {

using namespace std::chrono_literals;

constexpr Duration span_max = 100us;
constexpr Duration budget_max = 20ms;
constexpr int vain_share = 4;       // at most a quarter of the time goes by in vain
constexpr int misses_max = 32;      // then polling is only tried now and then
constexpr Duration quiet = 2ms;

}  // namespace

void Spin::refill(Duration now) {
    budget_ = std::min(budget_max, budget_ + (now - refilled_) / vain_share);
    refilled_ = now;
}

Duration Spin::span(Duration now) {
    refill(now);
    if (now < quiet_until_ || budget_ < span_max) return Duration::zero();
    return span_max;
}

void Spin::found(Duration, Duration) {
    misses_ = 0;
}

void Spin::missed(Duration now, Duration spent, bool preempted) {
    budget_ -= spent;
    if (preempted) quiet_until_ = now + quiet;
    if (++misses_ >= misses_max) quiet_until_ = now + quiet;
}

}  // namespace flexfs::loop
