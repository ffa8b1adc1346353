// Counters, gauges and histograms: plain memory for the one thread that counts (the loop). A
// Registry (lib/metrics/registry.h) exports their values; each can also be used alone.
#pragma once

#include <array>
#include <cstdint>

#include "lib/base/time.h"

namespace flexfs::metrics {

// A number that only grows.
class Counter {
public:
    void add(std::uint64_t n = 1) { value_ += n; }
    std::uint64_t value() const { return value_; }

private:
    std::uint64_t value_ = 0;
};

// A number that goes up and down.
class Gauge {
public:
    void set(std::int64_t value) { value_ = value; }
    void add(std::int64_t n) { value_ += n; }
    std::int64_t value() const { return value_; }

private:
    std::int64_t value_ = 0;
};

// Counts values in buckets, four for each power of two: any quantile is known to within a quarter,
// in two kilobytes, however many values there are.
class Histogram {
public:
    void record(std::uint64_t value);
    // Records nanoseconds; a negative span counts as 0.
    void record(Duration span) { record(std::uint64_t(span.count() > 0 ? span.count() : 0)); }

    std::uint64_t count() const { return count_; }
    std::uint64_t sum() const { return sum_; }
    std::uint64_t max() const { return max_; }
    // Returns the value that a share of `q` (0 to 1) of all values do not exceed; 0 without values.
    double quantile(double q) const;
    // Returns the exact number of values that are at most 2^exponent - 1.
    std::uint64_t count_below_power(unsigned exponent) const;

    static constexpr std::size_t buckets = 252;
    // A bucket counts the values in [lower, lower of the next bucket).
    static std::size_t bucket_of(std::uint64_t value);
    static std::uint64_t lower_of(std::size_t bucket);

private:
    std::array<std::uint64_t, buckets> counts_{};
    std::uint64_t count_ = 0;
    std::uint64_t sum_ = 0;
    std::uint64_t max_ = 0;
};

}  // namespace flexfs::metrics
