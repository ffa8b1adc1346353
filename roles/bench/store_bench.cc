#include "roles/bench/store_bench.h"

#include <algorithm>
#include <cerrno>
#include <random>

#include "lib/base/format.h"
#include "lib/base/text.h"
#include "lib/base/uuid.h"
#include "lib/cli/program.h"
#include "lib/cli/progress.h"
#include "lib/task/scope.h"

namespace flexfs::bench {
namespace {

constexpr std::uint64_t default_sizes[] = {4 << 10, 256 << 10, 4 << 20, 16 << 20};
constexpr std::uint64_t default_parallels[] = {1, 8, 32};
// Requests of one measurement that are in memory at the same time.
constexpr std::uint64_t memory_max = 512 << 20;
constexpr std::size_t removed_at_once = 1000;

struct Measured {
    std::string verb;
    std::uint64_t size = 0, parallel = 0;
    std::uint64_t failed = 0;
    std::string error;  // the first
    Duration time{};
    std::vector<Duration> latencies;  // sorted
};

Duration percentile(const std::vector<Duration>& sorted, double share) {
    if (sorted.empty()) return {};
    return sorted[std::min(sorted.size() - 1, std::size_t(share * double(sorted.size())))];
}

// Data that no store and no network compresses.
Buffer random_data(std::uint64_t bytes) {
    WritableBuffer data(bytes);
    std::mt19937_64 dice(bytes);
    for (std::uint64_t at = 0; at < bytes; at += sizeof(std::uint64_t)) {
        const std::uint64_t word = dice();
        std::memcpy(data.data() + at, &word, std::min<std::size_t>(sizeof word, bytes - at));
    }
    return std::move(data).freeze();
}

class Session {
public:
    Session(object::Store& store, const StoreOptions& options)
        : store_(store), options_(options), folder_("bench-" + make_uuid()) {}

    Task<std::vector<Measured>> measure(cli::Progress& progress) {
        std::vector<Measured> all;
        std::uint64_t done = 0;
        for (const std::uint64_t size : options_.sizes) {
            const Buffer data = random_data(size);
            keys_.clear();
            for (const bool gets : {false, true}) {
                for (const std::uint64_t parallel : options_.parallels) {
                    if (parallel > 1 && parallel * size > memory_max) continue;
                    all.push_back(co_await measure_one(gets, data, parallel));
                    progress.update(++done, monotonic_now());
                }
            }
            co_await remove_all();
        }
        co_return all;
    }

    // Returns what the store can do, as a row for each question.
    Task<cli::Table> capabilities() {
        cli::Table table({{"capability"}, {"answer"}});
        const std::string key = folder_ + "/probe";
        const auto add = [&table](const char* capability, bool is) {
            table.add({Json(capability), Json(is ? "yes" : "no")});
        };
        const auto made =
            co_await result(store_.put_if(key, Buffer::copy_of("first"), std::string()));
        const auto again =
            co_await result(store_.put_if(key, Buffer::copy_of("second"), std::string()));
        add("conditional puts", made && code_of(again) == EEXIST);
        if (!made) co_await store_.put(key, std::vector{Buffer::copy_of("first")});
        const auto part = co_await result(store_.get(key, 1, 3));
        add("ranged gets", part && part->text() == "irs");
        const auto listed = co_await result(store_.list(folder_, "", 10));
        add("lists new objects at once", listed && listed->objects.size() == 1);
        const auto removed = co_await result(store_.remove(std::vector{key}));
        add("deletes", removed.has_value());
        const auto gone = co_await result(store_.size(key));
        add("deleted objects are gone at once", code_of(gone) == ENOENT);
        co_return table;
    }

    Task<void> remove_all() {
        while (!keys_.empty()) {
            std::vector<std::string> some;
            while (!keys_.empty() && some.size() < removed_at_once) {
                some.push_back(std::move(keys_.back()));
                keys_.pop_back();
            }
            co_await store_.remove(std::move(some));
        }
    }

private:
    Task<Measured> measure_one(bool gets, Buffer data, std::uint64_t parallel) {
        Measured one{.verb = gets ? "get" : "put", .size = data.size(), .parallel = parallel};
        const Duration began = monotonic_now();
        const Duration until = began + options_.time;
        Scope scope;
        for (std::uint64_t i = 0; i < parallel; ++i) scope.start(repeat(one, gets, data, until, i));
        co_await scope.join();
        one.time = monotonic_now() - began;
        std::ranges::sort(one.latencies);
        co_return one;
    }

    Task<void> repeat(Measured& one, bool gets, Buffer data, Duration until, std::uint64_t first) {
        for (std::uint64_t i = first; monotonic_now() < until; i += one.parallel) {
            if (gets && keys_.empty()) co_return;
            const Duration began = monotonic_now();
            const auto done = co_await result(gets ? get(i, data.size()) : put(data));
            if (done) {
                one.latencies.push_back(monotonic_now() - began);
                continue;
            }
            if (one.failed++ == 0) one.error = done.error().message();
            if (code_of(done) == ECANCELED || one.latencies.empty()) co_return;
        }
    }
    Task<void> put(Buffer data) {
        const std::string key = fmt::format("{}/{:02x}/{}", folder_, puts_ % 256, puts_);
        ++puts_;
        co_await store_.put(key, std::vector{std::move(data)});
        keys_.push_back(key);
    }
    Task<void> get(std::uint64_t i, std::uint64_t size) {
        const Buffer got = co_await store_.get(keys_[i % keys_.size()], 0, size);
        if (got.size() != size) co_await fail(EIO, "a get returned another length than was put");
    }

    object::Store& store_;
    const StoreOptions& options_;
    std::string folder_;
    std::vector<std::string> keys_;  // of the present size
    std::uint64_t puts_ = 0;
};

cli::Table table_of(const std::vector<Measured>& all) {
    cli::Table table({{"verb"},
                      {"size", true},
                      {"parallel", true},
                      {"ops/s", true},
                      {"MB/s", true},
                      {"p50 ms", true},
                      {"p99 ms", true},
                      {"failed", true}});
    const auto milliseconds = [](Duration span) {
        return std::chrono::duration<double, std::milli>(span).count();
    };
    for (const Measured& one : all) {
        const double seconds = std::chrono::duration<double>(one.time).count();
        const double rate = double(one.latencies.size()) / seconds;
        const double p50 = milliseconds(percentile(one.latencies, 0.5));
        const double p99 = milliseconds(percentile(one.latencies, 0.99));
        const double megabytes = rate * double(one.size) / 1e6;
        table.add({Json(one.verb), cli::Cell(one.size, format_size(one.size)), Json(one.parallel),
                   cli::Cell(rate, fmt::format("{:.1f}", rate)),
                   cli::Cell(megabytes, fmt::format("{:.1f}", megabytes)),
                   cli::Cell(p50, fmt::format("{:.1f}", p50)),
                   cli::Cell(p99, fmt::format("{:.1f}", p99)), Json(one.failed)});
    }
    return table;
}

struct Report {
    cli::Table capabilities{{}};
    std::vector<Measured> measured;
};

Task<Report> measure_all(object::Store& store, const StoreOptions& options) {
    Session session(store, options);
    Report report{.capabilities = co_await session.capabilities()};
    cli::Progress progress(cli::Screen::standard_error(), "measuring",
                           options.sizes.size() * options.parallels.size() * 2, cli::Unit::count,
                           monotonic_now());
    auto measured = co_await result(session.measure(progress));
    co_await session.remove_all();
    report.measured = co_await std::move(measured);
    co_return report;
}

Task<Report> open_and_measure(Loop& loop, object::Address address, const StoreOptions& options) {
    const std::unique_ptr<object::Store> store = co_await object::open_store(loop, address);
    auto report = co_await result(measure_all(*store, options));
    co_await store->close();
    co_return std::move(report);
}

Result<Report> run(const StoreOptions& options) {
    TRY(object::Address address, object::parse_address(options.address));
    TRY(object::complete_settings(address, options.settings, options.creds_file));
    Loop loop;
    return loop.run(open_and_measure(loop, std::move(address), options));
}

}  // namespace

int measure_store(const StoreOptions& given) {
    StoreOptions options = given;
    if (options.sizes.empty())
        options.sizes.assign(std::begin(default_sizes), std::end(default_sizes));
    if (options.parallels.empty())
        options.parallels.assign(std::begin(default_parallels), std::end(default_parallels));
    const auto report = run(options);
    if (!report) return cli::report(fail(report.error()));
    const cli::Table table = table_of(report->measured);
    if (options.json) {
        const Json json{{"capabilities", report->capabilities.json()},
                        {"measurements", table.json()}};
        fmt::print("{}", to_text(json));
    } else {
        fmt::print("{}\n{}", report->capabilities.text(), table.text());
    }
    for (const Measured& one : report->measured)
        if (one.failed > 0)
            return cli::report(fail(EIO, fmt::format("{} of {} failed: {}", one.verb,
                                                     format_size(one.size), one.error)));
    return cli::exit_success;
}

}  // namespace flexfs::bench
