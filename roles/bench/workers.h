// Runs one phase of a measurement in several threads. Plain blocking system calls: what is measured
// is somebody's filesystem, as programs see it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/cli/progress.h"

namespace flexfs::bench {

// What one worker lets the others know.
class alignas(64) Meter {
public:
    explicit Meter(const std::atomic<bool>& stop) : stop_(stop) {}

    void add(std::uint64_t n) { done_.store(done_.load(relaxed) + n, relaxed); }
    std::uint64_t done() const { return done_.load(relaxed); }
    // ECANCELED when another worker failed or the user has had enough; asked between operations.
    Result<void> go_on() const;

private:
    static constexpr auto relaxed = std::memory_order_relaxed;
    const std::atomic<bool>& stop_;
    std::atomic<std::uint64_t> done_ = 0;
};

struct Phase {
    std::string name;
    cli::Unit unit;              // of what the meters count: operations, or bytes
    std::uint64_t op_bytes = 0;  // moved by one operation; 0: none
    std::uint64_t total;         // by all workers together, in `unit`
    std::function<Result<void>(unsigned worker, Meter& meter)> work;
};

struct Measured {
    std::string phase;
    unsigned threads;
    std::uint64_t ops;
    std::uint64_t bytes;
    Duration time;

    double ops_per_s() const { return double(ops) / seconds(); }
    double bytes_per_s() const { return double(bytes) / seconds(); }
    double seconds() const { return double(time.count()) / 1e9; }
};

// The clock runs from when all workers are ready to when the last is done. The first error of a
// worker stops the others; ECANCELED after an interrupt.
Result<Measured> run_phase(const Phase& phase, unsigned threads, cli::Screen screen);

// From now on SIGINT, SIGTERM and SIGHUP make go_on() say no; a second one kills as usual.
void catch_interrupts();
// The signal that came; 0: none did.
int interrupted();

}  // namespace flexfs::bench
