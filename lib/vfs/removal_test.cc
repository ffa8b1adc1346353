// No segment that extents refer to is removed, whatever happens to the calls around its commit: a
// sweep fails or cancels each request to the service and each operation of the store once.
#include "lib/object/steps_test.h"
#include "lib/rpc/caller.h"
#include "lib/vfs/caching_filesystem.h"
#include "lib/vfs/fixture_test.h"

namespace flexfs::vfs {
namespace {

using object::Fault;
using object::faults;
using object::Steps;

class FaultyHandler final : public rpc::Serving<FaultyHandler, wire::Metadata> {
public:
    FaultyHandler(std::unique_ptr<rpc::Handler<wire::Metadata>> inner, Steps& steps)
        : inner_(std::move(inner)), steps_(steps) {}
    template <class R>
    Task<typename R::Reply> serve(rpc::Context context, R request) {
        constexpr bool counts = std::is_same_v<R, wire::Commit> ||
                                std::is_same_v<R, wire::Compact> || std::is_same_v<R, wire::Sync> ||
                                std::is_same_v<R, wire::ReserveSegments> ||
                                std::is_same_v<R, wire::Extents>;
        auto work = inner_->handle(context, std::move(request));
        if constexpr (counts) return steps_.step(std::move(work));
        else return work;
    }

private:
    std::unique_ptr<rpc::Handler<wire::Metadata>> inner_;
    Steps& steps_;
};

class FaultyService final : public rpc::Service<wire::Metadata> {
public:
    FaultyService(rpc::Service<wire::Metadata>& inner, Steps& steps)
        : inner_(inner), steps_(steps) {}
    std::unique_ptr<rpc::Handler<wire::Metadata>> connected(
        rpc::Pusher<wire::Metadata>& client) override {
        return std::make_unique<FaultyHandler>(inner_.connected(client), steps_);
    }

private:
    rpc::Service<wire::Metadata>& inner_;
    Steps& steps_;
};

// A file of two blocks. Every piece has a certain value and, while a step fails, possibly a new
// one.
struct Sweep : World {
    static constexpr std::size_t piece = 8'000;

    Steps steps;
    FaultyService faulty;
    object::FaultyStore faulty_store;
    cache::Budget budget{64 << 20, 16 << 20};
    std::unique_ptr<Filesystem> client;
    Opened file;
    std::string certain = std::string(2 * (256 << 10), '\0');
    std::map<std::uint64_t, std::string> perhaps;  // by offset: possible new values

    // A block with more than 8 pieces is compacted.
    Sweep(bool sync_always, unsigned pieces, unsigned blocks)
        : World({.inline_bytes = 0, .sync_always = sync_always}),
          faulty(*service, steps),
          faulty_store(store, steps) {
        Options options;
        options.dirty_age_max = std::chrono::hours(1);
        const Connect connect = [this](rpc::Client<wire::Metadata>& to) {
            return std::make_unique<rpc::Caller<wire::Metadata>>(faulty, to);
        };
        client = run(Filesystem::open(loop, connect, faulty_store, budget, options, nullptr));
        file = run(client->create(wire::root_ino, "f", 0644, O_RDWR | O_CREAT, Who{}));
        for (unsigned i = 0; i < pieces; ++i) {
            put(i % blocks * (256 << 10) + i / blocks * piece, i);
            run(client->fsync(file.handle));
            settle();
        }
    }
    ~Sweep() {
        if (client) end();
    }

    void put(std::uint64_t offset, unsigned salt) {
        perhaps[offset] = pattern(piece, salt);
        run(client->write(file.handle, offset, Buffer::copy_of(perhaps[offset]), false, false));
    }
    // All possible values become certain.
    void settle() {
        for (const auto& [offset, text] : perhaps) certain.replace(offset, text.size(), text);
        perhaps.clear();
    }
    // Runs the task until it ends, or until a step stalls.
    void attempt(Task<void> task, bool settles) {
        Scope scope;
        bool done = false;
        Result<void> outcome;
        const auto watch = [](Task<void> of, bool& ended, Result<void>& to,
                              task::WaitList& wake) -> Task<void> {
            to = co_await result(std::move(of));
            ended = true;
            wake.wake_all();
        };
        scope.start(watch(std::move(task), done, outcome, steps.stalled()));
        const auto wait = [](bool& ended, Steps& watched) -> Task<void> {
            while (!ended && !watched.is_stalled()) co_await watched.stalled().wait();
        };
        run(wait(done, steps));
        scope.cancel();
        (void)loop.run(scope.close());
        if (done && outcome && settles) settle();
    }
    void end() {
        (void)loop.run(client->close(Filesystem::AtClose::give_up));
        client.reset();
    }
    // Checks what a new client reads, from a service that was started again.
    void check_readable() {
        if (client) end();
        steps.nth = 0;
        stop();
        start();
        Peer& fresh = mount();
        std::string text = read(fresh, open(fresh, "f", O_RDONLY).handle);
        text.resize(certain.size());
        for (const auto& [offset, other] : perhaps)
            if (text.compare(offset, piece, other) == 0) certain.replace(offset, piece, other);
        CHECK(text == certain);
    }
};

Compactor& compactor_of(Filesystem& filesystem) {
    return static_cast<CachingFilesystem&>(filesystem).compactor();
}

}  // namespace

TEST_CASE("every committed byte is readable, whichever step of a commit fails or is cancelled") {
    for (const unsigned variant : {0, 1, 2, 3}) {
        const bool again = variant & 1, sync_always = variant & 2;
        for (const Fault fault : faults) {
            for (int nth = 1;; ++nth) {
                CAPTURE(again);
                CAPTURE(sync_always);
                CAPTURE(int(fault));
                CAPTURE(nth);
                Sweep w(sync_always, 4, 2);
                w.steps.fault = fault;
                w.steps.nth = nth;
                w.put(100'000, 50);
                w.put(300'000, 51);
                w.attempt(w.client->fsync(w.file.handle), true);
                const bool reached = w.steps.is_reached();
                // The next attempt may succeed.
                if (again && !w.steps.is_stalled()) w.attempt(w.client->fsync(w.file.handle), true);
                w.check_readable();
                if (!reached) break;
            }
        }
    }
}

TEST_CASE(
    "every committed byte is readable, whichever step of a compaction fails or is cancelled") {
    for (const unsigned variant : {0, 1, 2, 3}) {
        const unsigned blocks = 1 + (variant & 1);
        const bool sync_always = variant & 2;
        for (const Fault fault : faults) {
            for (int nth = 1;; ++nth) {
                CAPTURE(blocks);
                CAPTURE(sync_always);
                CAPTURE(int(fault));
                CAPTURE(nth);
                Sweep w(sync_always, 10 * blocks, blocks);
                REQUIRE(compactor_of(*w.client).waiting() == blocks);
                w.steps.fault = fault;
                w.steps.nth = nth;
                w.attempt(compactor_of(*w.client).run_all(), false);
                const bool reached = w.steps.is_reached();
                w.check_readable();
                if (reached) continue;
                CHECK(nth > 3);  // it asks for the extents, puts, and commits
                break;
            }
        }
    }
}

TEST_CASE("a segment whose commit was refused is removed, one of a lost answer is not") {
    for (const Fault fault : {Fault::fail_after, Fault::full_after, Fault::stall_after}) {
        Sweep w(true, 4, 2);
        const int segments = int(w.run(w.store.list("", "", 1000)).objects.size());
        w.steps.fault = fault;
        w.steps.nth = 2;  // the put is the first step
        w.put(100'000, 50);
        w.attempt(w.client->fsync(w.file.handle), true);
        CHECK(w.steps.is_reached());
        w.end();
        CHECK(int(w.run(w.store.list("", "", 1000)).objects.size()) > segments);
        w.check_readable();
    }
}

}  // namespace flexfs::vfs
