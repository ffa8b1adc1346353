// The metrics of a process, by name: as Prometheus text for scrapers, as JSON for tools.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "lib/base/json.h"
#include "lib/metrics/metrics.h"

namespace flexfs::metrics {

// {{"op", "read"}}; the order matters.
using Labels = std::vector<std::pair<std::string, std::string>>;

// The unit of recorded values: plain numbers, or nanoseconds that are shown as seconds.
enum class Scale { plain, seconds };

// Owns the metrics; references to them are valid as long as it lives. Asking again for the same
// name and labels returns the same metric; one name has one kind. Names follow the rules of
// Prometheus; a counter's ends in `_total`. Used on the loop's thread only.
class Registry {
public:
    Registry();
    ~Registry();

    Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
    Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
    Histogram& histogram(std::string_view name, std::string_view help, Labels labels = {},
                         Scale scale = Scale::seconds);
    // A gauge that `read` computes on export; what it refers to must outlive the registry.
    void gauge_of(std::string_view name, std::string_view help, Labels labels,
                  std::function<double()> read);
    // A counter whose value is kept elsewhere.
    void counter_of(std::string_view name, std::string_view help, Labels labels,
                    std::function<std::uint64_t()> read);

    // Returns the text format, version 0.0.4.
    std::string prometheus() const;
    // {"name": 1, "name{op=\"read\"}": {"count": 1, "sum": 0.1, "p50": …, "p99": …, "max": …}}
    Json json() const;

private:
    struct Series;
    struct Family;
    Family& family(std::string_view name, std::string_view help, int kind, Scale scale);

    std::vector<std::unique_ptr<Family>> families_;
};

}  // namespace flexfs::metrics
