#include "lib/metrics/metrics.h"

#include <algorithm>
#include <bit>

namespace flexfs::metrics {

std::size_t Histogram::bucket_of(std::uint64_t value) {
    if (value < 4) return value;
    const unsigned exponent = unsigned(std::bit_width(value)) - 1;
    return (exponent - 1) * 4 + ((value >> (exponent - 2)) & 3);
}

std::uint64_t Histogram::lower_of(std::size_t bucket) {
    if (bucket < 4) return bucket;
    const auto exponent = bucket / 4 + 1;
    return (4 + bucket % 4) << (exponent - 2);
}

void Histogram::record(std::uint64_t value) {
    ++counts_[bucket_of(value)];
    ++count_;
    sum_ += value;
    max_ = std::max(max_, value);
}

double Histogram::quantile(double q) const {
    if (count_ == 0) return 0;
    const double wanted = std::clamp(q, 0.0, 1.0) * double(count_);
    double below = 0;
    for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
        if (counts_[bucket] == 0) continue;
        const double here = double(counts_[bucket]);
        if (below + here >= wanted) {
            const double lower = double(lower_of(bucket));
            const double upper = bucket + 1 < buckets ? double(lower_of(bucket + 1)) : double(max_);
            const double share = (wanted - below) / here;
            return std::min(lower + (upper - lower) * share, double(max_));
        }
        below += here;
    }
    return double(max_);
}

std::uint64_t Histogram::count_below_power(unsigned exponent) const {
    if (exponent >= 64) return count_;
    const std::size_t end = bucket_of(std::uint64_t{1} << exponent);
    std::uint64_t count = 0;
    for (std::size_t bucket = 0; bucket < end; ++bucket) count += counts_[bucket];
    return count;
}

}  // namespace flexfs::metrics
