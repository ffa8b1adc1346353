// Counters, gauges and histograms: plain memory for the one thread that counts (the loop). Values
// leave through a Registry (lib/metrics/registry.h); each can also stand alone.
#pragma once

#include <array>
#include <cstdint>

#include "lib/base/time.h"

namespace flexfs::metrics {

// Only grows.
class Counter {
public:
    void add(std::uint64_t n = 1) { value_ += n; }
    std::uint64_t value() const { return value_; }

private:
    std::uint64_t value_ = 0;
};

// Goes up and down.
class Gauge {
public:
    void set(std::int64_t value) { value_ = value; }
    void add(std::int64_t n) { value_ += n; }
    std::int64_t value() const { return value_; }

private:
    std::int64_t value_ = 0;
};

// How often which value occurred, in buckets of which four span each power of two: any quantile is
// known to within a quarter, in two kilobytes for ever.
class Histogram {
public:
    void record(std::uint64_t value);
    // In nanoseconds; less than none counts as none.
    void record(Duration span) { record(std::uint64_t(span.count() > 0 ? span.count() : 0)); }

    std::uint64_t count() const { return count_; }
    std::uint64_t sum() const { return sum_; }
    std::uint64_t max() const { return max_; }
    // The value that a share of `q` (0 to 1) of all values do not exceed; 0 when there is none.
    double quantile(double q) const;
    // How many values are at most 2^exponent - 1, exactly.
    std::uint64_t count_below_power(unsigned exponent) const;

    static constexpr std::size_t buckets = 252;
    // [lower, lower of the next) is what a bucket holds.
    static std::size_t bucket_of(std::uint64_t value);
    static std::uint64_t lower_of(std::size_t bucket);

private:
    std::array<std::uint64_t, buckets> counts_{};
    std::uint64_t count_ = 0;
    std::uint64_t sum_ = 0;
    std::uint64_t max_ = 0;
};

}  // namespace flexfs::metrics
