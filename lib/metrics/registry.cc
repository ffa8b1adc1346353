#include "lib/metrics/registry.h"

#include "lib/base/check.h"
#include "lib/base/format.h"

namespace flexfs::metrics {
namespace {

// The bounds a scraper gets, a factor of two apart: 1 us to 69 s, and 1 B to 1 GiB.
constexpr unsigned seconds_exponents[] = {10, 36};
constexpr unsigned plain_exponents[] = {0, 30};

enum Kind { counter_kind, gauge_kind, histogram_kind };

std::string escaped(std::string_view text, bool quotes) {
    std::string out;
    for (char c : text) {
        if (c == '\\' || (quotes && c == '"')) out += '\\';
        if (c == '\n') out += "\\n";
        else out += c;
    }
    return out;
}

// `{op="read",le="1"}`; nothing for no labels.
std::string braces(const Labels& labels, std::string_view le = {}) {
    std::string inside;
    for (const auto& [name, value] : labels)
        inside += fmt::format("{}{}=\"{}\"", inside.empty() ? "" : ",", name, escaped(value, true));
    if (!le.empty()) inside += fmt::format("{}le=\"{}\"", inside.empty() ? "" : ",", le);
    return inside.empty() ? "" : "{" + inside + "}";
}

double scaled(double value, Scale scale) {
    return scale == Scale::seconds ? value / 1e9 : value;
}

}  // namespace

struct Registry::Series {
    Labels labels;
    std::variant<Counter, Gauge, Histogram, std::function<double()>, std::function<std::uint64_t()>>
        metric;
};

struct Registry::Family {
    std::string name, help;
    int kind;
    Scale scale;
    std::vector<std::unique_ptr<Series>> series;

    template <class M>
    M& find_or_make(Labels labels, M fresh = {}) {
        for (const auto& each : series)
            if (each->labels == labels) return std::get<M>(each->metric);
        series.push_back(std::make_unique<Series>(std::move(labels), std::move(fresh)));
        return std::get<M>(series.back()->metric);
    }
};

Registry::Registry() = default;
Registry::~Registry() = default;

Registry::Family& Registry::family(std::string_view name, std::string_view help, int kind,
                                   Scale scale) {
    for (const auto& each : families_)
        if (each->name == name) {
            check(each->kind == kind && each->scale == scale);
            return *each;
        }
    families_.push_back(
        std::make_unique<Family>(std::string(name), std::string(help), kind, scale));
    return *families_.back();
}

Counter& Registry::counter(std::string_view name, std::string_view help, Labels labels) {
    return family(name, help, counter_kind, Scale::plain).find_or_make<Counter>(std::move(labels));
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, Labels labels) {
    return family(name, help, gauge_kind, Scale::plain).find_or_make<Gauge>(std::move(labels));
}

Histogram& Registry::histogram(std::string_view name, std::string_view help, Labels labels,
                               Scale scale) {
    return family(name, help, histogram_kind, scale).find_or_make<Histogram>(std::move(labels));
}

void Registry::gauge_of(std::string_view name, std::string_view help, Labels labels,
                        std::function<double()> read) {
    family(name, help, gauge_kind, Scale::plain).find_or_make(std::move(labels), std::move(read));
}

void Registry::counter_of(std::string_view name, std::string_view help, Labels labels,
                          std::function<std::uint64_t()> read) {
    family(name, help, counter_kind, Scale::plain).find_or_make(std::move(labels), std::move(read));
}

namespace {

void print_histogram(std::string& out, std::string_view name, const Labels& labels,
                     const Histogram& histogram, Scale scale) {
    const auto [first, last] = scale == Scale::seconds ? seconds_exponents : plain_exponents;
    for (unsigned exponent = first; exponent <= last; ++exponent) {
        // Values are whole, so "below 2^n" is "at most 2^n - 1"; as seconds the difference is none.
        const double bound = double(std::uint64_t{1} << exponent) - (scale == Scale::plain);
        out += fmt::format("{}_bucket{} {}\n", name,
                           braces(labels, fmt::format("{:.9g}", scaled(bound, scale))),
                           histogram.count_below_power(exponent));
    }
    out += fmt::format("{}_bucket{} {}\n", name, braces(labels, "+Inf"), histogram.count());
    out +=
        fmt::format("{}_sum{} {}\n", name, braces(labels), scaled(double(histogram.sum()), scale));
    out += fmt::format("{}_count{} {}\n", name, braces(labels), histogram.count());
}

Json summary(const Histogram& histogram, Scale scale) {
    return {{"count", histogram.count()},
            {"sum", scaled(double(histogram.sum()), scale)},
            {"p50", scaled(histogram.quantile(0.5), scale)},
            {"p90", scaled(histogram.quantile(0.9), scale)},
            {"p99", scaled(histogram.quantile(0.99), scale)},
            {"max", scaled(double(histogram.max()), scale)}};
}

}  // namespace

std::string Registry::prometheus() const {
    static constexpr const char* kinds[] = {"counter", "gauge", "histogram"};
    std::string out;
    for (const auto& family : families_) {
        out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", family->name,
                           escaped(family->help, false), kinds[family->kind]);
        for (const auto& series : family->series) {
            if (const auto* histogram = std::get_if<Histogram>(&series->metric)) {
                print_histogram(out, family->name, series->labels, *histogram, family->scale);
                continue;
            }
            const auto line = [&](auto value) {
                out += fmt::format("{}{} {}\n", family->name, braces(series->labels), value);
            };
            if (const auto* counter = std::get_if<Counter>(&series->metric)) line(counter->value());
            else if (const auto* gauge = std::get_if<Gauge>(&series->metric)) line(gauge->value());
            else if (const auto* read = std::get_if<3>(&series->metric)) line((*read)());
            else line(std::get<4>(series->metric)());
        }
    }
    return out;
}

Json Registry::json() const {
    Json out = Json::object();
    for (const auto& family : families_)
        for (const auto& series : family->series) {
            Json& value = out[family->name + braces(series->labels)];
            if (const auto* histogram = std::get_if<Histogram>(&series->metric))
                value = summary(*histogram, family->scale);
            else if (const auto* counter = std::get_if<Counter>(&series->metric))
                value = counter->value();
            else if (const auto* gauge = std::get_if<Gauge>(&series->metric))
                value = gauge->value();
            else if (const auto* read = std::get_if<3>(&series->metric)) value = (*read)();
            else value = std::get<4>(series->metric)();
        }
    return out;
}

}  // namespace flexfs::metrics
