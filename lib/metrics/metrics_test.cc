#include "lib/metrics/metrics.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "lib/metrics/registry.h"

namespace flexfs::metrics {

TEST_CASE("buckets cover every value without gap or overlap") {
    CHECK(Histogram::bucket_of(0) == 0);
    CHECK(Histogram::bucket_of(UINT64_MAX) == Histogram::buckets - 1);
    for (std::size_t bucket = 0; bucket < Histogram::buckets; ++bucket) {
        const std::uint64_t lower = Histogram::lower_of(bucket);
        CHECK(Histogram::bucket_of(lower) == bucket);
        if (bucket > 0) CHECK(Histogram::bucket_of(lower - 1) == bucket - 1);
    }
}

TEST_CASE("quantiles are within a quarter of the exact ones") {
    const auto seed = std::random_device{}();
    MESSAGE("seed ", seed);
    std::mt19937_64 random(seed);
    std::lognormal_distribution<double> spread(12, 2);
    Histogram histogram;
    std::vector<std::uint64_t> values;
    for (int i = 0; i < 20'000; ++i) {
        values.push_back(std::uint64_t(spread(random)));
        histogram.record(values.back());
    }
    std::ranges::sort(values);

    for (double q : {0.1, 0.5, 0.9, 0.99}) {
        const double exact = double(values[std::size_t(q * double(values.size()))]);
        CHECK(histogram.quantile(q) == doctest::Approx(exact).epsilon(0.25));
    }
    CHECK(histogram.quantile(1) <= double(values.back()));
    CHECK(histogram.count() == values.size());
    CHECK(histogram.max() == values.back());
}

TEST_CASE("an empty histogram has no quantiles and a span below zero counts as none") {
    Histogram histogram;

    CHECK(histogram.quantile(0.5) == 0);
    histogram.record(Duration(-5));
    CHECK(histogram.sum() == 0);
    CHECK(histogram.count() == 1);
}

TEST_CASE("counts below powers of two are exact") {
    Histogram histogram;
    for (std::uint64_t value : {0, 1, 2, 3, 4, 7, 8, 1000}) histogram.record(value);

    CHECK(histogram.count_below_power(0) == 1);
    CHECK(histogram.count_below_power(1) == 2);
    CHECK(histogram.count_below_power(2) == 4);
    CHECK(histogram.count_below_power(3) == 6);
    CHECK(histogram.count_below_power(64) == 8);
}

TEST_CASE("the same name and labels are the same metric") {
    Registry registry;
    registry.counter("reads_total", "reads", {{"op", "a"}}).add(2);
    registry.counter("reads_total", "reads", {{"op", "b"}}).add(3);
    registry.counter("reads_total", "reads", {{"op", "a"}}).add(4);

    CHECK(registry.prometheus() ==
          "# HELP reads_total reads\n"
          "# TYPE reads_total counter\n"
          "reads_total{op=\"a\"} 6\n"
          "reads_total{op=\"b\"} 3\n");
}

TEST_CASE("labels and help are escaped and gauges are read when somebody looks") {
    Registry registry;
    double level = 1.5;
    registry.gauge_of("level", "first\nsecond", {{"dir", "a\"b\\c"}}, [&] { return level; });
    registry.gauge("open", "now").set(-3);
    level = 2.5;

    CHECK(registry.prometheus() ==
          "# HELP level first\\nsecond\n# TYPE level gauge\nlevel{dir=\"a\\\"b\\\\c\"} 2.5\n"
          "# HELP open now\n# TYPE open gauge\nopen -3\n");
    CHECK(registry.json().dump() == R"({"level{dir=\"a\\\"b\\\\c\"}":2.5,"open":-3})");
}

TEST_CASE("a histogram of durations is told in seconds, cumulatively, and ends with all") {
    Registry registry;
    Histogram& histogram = registry.histogram("op_seconds", "time", {{"op", "read"}});
    histogram.record(std::chrono::microseconds(1));
    histogram.record(std::chrono::seconds(1));
    histogram.record(std::chrono::hours(1));

    const std::string text = registry.prometheus();
    CHECK(text.find("op_seconds_bucket{op=\"read\",le=\"1.024e-06\"} 1\n") != std::string::npos);
    CHECK(text.find("op_seconds_bucket{op=\"read\",le=\"1.07374182\"} 2\n") != std::string::npos);
    CHECK(text.find("op_seconds_bucket{op=\"read\",le=\"+Inf\"} 3\n") != std::string::npos);
    CHECK(text.find("op_seconds_sum{op=\"read\"} 3601.000001\n") != std::string::npos);
    CHECK(text.find("op_seconds_count{op=\"read\"} 3\n") != std::string::npos);
    CHECK(registry.json()["op_seconds{op=\"read\"}"]["max"] == 3600);
}

}  // namespace flexfs::metrics
