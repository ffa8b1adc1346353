#include "roles/bench/workers.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <latch>
#include <mutex>
#include <optional>
#include <thread>

namespace flexfs::bench {
namespace {

std::atomic<int> caught = 0;  // set by a signal handler

// Lets the thread that draws progress wait for the ends of workers.
class Finish {
public:
    explicit Finish(unsigned workers) : left_(workers) {}

    void one(Duration began, Duration ended, Result<void> result) {
        const std::lock_guard lock(mutex_);
        first_ = std::min(first_, began);
        last_ = std::max(last_, ended);
        if (!result && (!problem_ || problem_->code == ECANCELED)) problem_ = result.error();
        if (--left_ == 0) done_.notify_one();
    }
    bool wait(std::chrono::milliseconds at_most) {
        std::unique_lock lock(mutex_);
        return done_.wait_for(lock, at_most, [this] { return left_ == 0; });
    }
    Duration time() const { return std::max(last_ - first_, Duration(1)); }
    const std::optional<Error>& problem() const { return problem_; }

private:
    std::mutex mutex_;
    std::condition_variable done_;
    unsigned left_;
    // These are times of the workers' clocks, because the thread that draws may run late.
    Duration first_ = Duration::max(), last_{};
    std::optional<Error> problem_;
};

}  // namespace

Result<void> Meter::go_on() const {
    if (stop_.load(relaxed) || caught.load(relaxed) != 0) return fail(ECANCELED);
    return {};
}

Result<Measured> run_phase(const Phase& phase, unsigned threads, cli::Screen screen) {
    std::atomic<bool> stop = false;
    std::deque<Meter> meters;
    for (unsigned i = 0; i < threads; ++i) meters.emplace_back(stop);
    std::latch ready(threads);
    Finish finish(threads);
    const auto done = [&meters] {
        std::uint64_t sum = 0;
        for (const Meter& meter : meters) sum += meter.done();
        return sum;
    };

    std::vector<std::jthread> workers;
    for (unsigned i = 0; i < threads; ++i)
        workers.emplace_back([&, i] {
            ready.arrive_and_wait();
            const Duration began = monotonic_now();
            auto result = phase.work(i, meters[i]);
            if (!result) stop = true;
            finish.one(began, monotonic_now(), std::move(result));
        });
    cli::Progress progress(screen, phase.name, phase.total, phase.unit, monotonic_now());
    while (!finish.wait(std::chrono::milliseconds(100))) progress.update(done(), monotonic_now());
    workers.clear();

    if (finish.problem()) return fail(*finish.problem());
    const bool in_bytes = phase.unit == cli::Unit::bytes;
    return Measured{phase.name, threads, in_bytes ? done() / phase.op_bytes : done(),
                    in_bytes ? done() : done() * phase.op_bytes, finish.time()};
}

void catch_interrupts() {
    struct sigaction action{};
    action.sa_handler = [](int signal) { caught.store(signal, std::memory_order_relaxed); };
    action.sa_flags = int(SA_RESETHAND) | SA_RESTART;
    for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
}

int interrupted() {
    return caught.load(std::memory_order_relaxed);
}

}  // namespace flexfs::bench
