// Runs one phase of a measurement in several threads, with plain blocking system calls: the
// filesystem is measured as programs see it.
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

// The state that a worker shares with the others.
class alignas(64) Meter {
public:
    explicit Meter(const std::atomic<bool>& stop) : stop_(stop) {}

    void add(std::uint64_t n) { done_.store(done_.load(relaxed) + n, relaxed); }
    std::uint64_t done() const { return done_.load(relaxed); }
    // ECANCELED if another worker failed or the user interrupted; called between operations.
    Result<void> go_on() const;

private:
    static constexpr auto relaxed = std::memory_order_relaxed;
    const std::atomic<bool>& stop_;
    std::atomic<std::uint64_t> done_ = 0;
};

struct Phase {
    std::string name;
    cli::Unit unit;              // unit of the meters: operations, or bytes
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

// The time runs from when all workers are ready to when the last is done. The first error of a
// worker stops the others; ECANCELED after an interrupt.
Result<Measured> run_phase(const Phase& phase, unsigned threads, cli::Screen screen);

// From now on SIGINT, SIGTERM and SIGHUP make go_on() fail; a second signal kills as usual.
void catch_interrupts();
// Returns the signal that arrived, or 0.
int interrupted();

}  // namespace flexfs::bench
