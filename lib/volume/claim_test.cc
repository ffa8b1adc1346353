#include "lib/volume/claim.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/scratch_test.h"
#include "lib/object/memory_store.h"

namespace flexfs::volume {
namespace {

constexpr ClaimTerms quick{.renew = std::chrono::milliseconds(5),
                           .fresh = std::chrono::milliseconds(200),
                           .lease = std::chrono::seconds(1),
                           .request = std::chrono::milliseconds(50),
                           .watch = std::chrono::milliseconds(50),
                           .settle = std::chrono::milliseconds(20)};

// A store whose requests can be made to fail, and which may lack conditional puts.
struct Bucket final : object::Store {
    object::MemoryStore inner;
    bool conditional = true;
    bool reachable = true;
    bool loses_answers = false;

    Task<void> put(std::string key, std::vector<Buffer> pieces) override {
        co_await reach();
        co_await inner.put(std::move(key), std::move(pieces));
    }
    Task<Buffer> get(std::string key, std::uint64_t offset, std::size_t size) override {
        return inner.get(std::move(key), offset, size);
    }
    Task<Buffer> get(std::string key) override {
        co_await reach();
        co_return co_await inner.get(std::move(key));
    }
    Task<std::uint64_t> size(std::string key) override { return inner.size(std::move(key)); }
    Task<void> remove(std::vector<std::string> keys) override {
        return inner.remove(std::move(keys));
    }
    Task<object::Page> list(std::string prefix, std::string after, std::size_t limit) override {
        return inner.list(std::move(prefix), std::move(after), limit);
    }
    Task<object::Versioned> get_versioned(std::string key) override {
        co_await reach();
        if (!conditional) co_return fail(EOPNOTSUPP);
        co_return co_await inner.get_versioned(std::move(key));
    }
    Task<std::string> put_if(std::string key, Buffer content, std::string tag) override {
        co_await reach();
        if (!conditional) co_return fail(EOPNOTSUPP);
        auto made = co_await inner.put_if(std::move(key), std::move(content), std::move(tag));
        if (std::exchange(loses_answers, false)) co_return fail(EEXIST);
        co_return made;
    }
    Task<Space> space() override { co_return Space{}; }
    object::Counters counters() const override { return inner.counters(); }
    std::string describe() const override { return "s3://bucket/prefix"; }

    Result<void> reach() const {
        if (reachable) return {};
        return fail(EIO, "not reachable");
    }
};

struct World {
    Loop loop;
    Bucket bucket;
    TestFolder folder;

    std::unique_ptr<Claim> claim(const std::string& database, bool take_over = false,
                                 bool fresh = false) {
        return std::make_unique<Claim>(loop, bucket,
                                       Claim::Options{.mount_point = "/mnt/" + database,
                                                      .made_path = folder.path() + "/" + database,
                                                      .take_over = take_over,
                                                      .fresh = fresh,
                                                      .terms = quick});
    }
    conf::Claim present() { return loop.run(Claim::look(bucket)).value().value().claim; }
    // Makes the present claim that of a process on another machine, which renews it no more.
    void move_elsewhere(Duration age) { REQUIRE(loop.run(put_elsewhere(age))); }
    Task<void> put_elsewhere(Duration age) {
        conf::Claim claim = (co_await Claim::look(bucket)).value().claim;
        claim.host = "elsewhere";
        claim.boot = "another";
        claim.released = false;
        claim.renewed = wall_now() - Time(age.count());
        const Buffer text = Buffer::copy_of(conf::print_claim(claim));
        co_await bucket.inner.put(claim_key, std::vector<Buffer>{text});
    }
};

Task<void> wait_for_loss(Claim& claim) {
    co_await claim.lost();
}

Task<void> renew_elsewhere_soon(World& w) {
    co_await w.loop.sleep(quick.watch / 2);
    co_await w.put_elsewhere(std::chrono::seconds(4));
}

Task<void> take_while_renewed(World& w, Claim& claim) {
    Scope scope;
    scope.start(renew_elsewhere_soon(w));
    auto taken = co_await result(claim.take());
    co_await scope.join();
    co_await std::move(taken);
}

}  // namespace

TEST_CASE("a claim permits changes until it is released, and the next one has a higher epoch") {
    for (const bool conditional : {true, false}) {
        CAPTURE(conditional);
        World w;
        w.bucket.conditional = conditional;
        auto claim = w.claim("a", false, true);
        CHECK(code_of(claim->permit("x")) == EIO);
        REQUIRE(w.loop.run(claim->take()));
        CHECK(claim->permit("x"));
        CHECK(!w.present().released);
        const std::uint64_t epoch = w.present().epoch;
        CHECK(w.loop.run(claim->close()));
        CHECK(w.present().released);
        CHECK(code_of(claim->permit("x")) == EIO);

        auto next = w.claim("a");
        REQUIRE(w.loop.run(next->take()));
        CHECK(w.present().epoch == epoch + 1);
        CHECK(w.loop.run(next->close()));
    }
}

TEST_CASE("a claim that another machine renewed lately is refused, and its holder is named") {
    World w;
    auto first = w.claim("a", false, true);
    REQUIRE(w.loop.run(first->take()));
    CHECK(w.loop.run(first->close()));
    w.move_elsewhere(std::chrono::milliseconds(100));

    auto second = w.claim("a");
    const auto taken = w.loop.run(second->take());
    REQUIRE(code_of(taken) == EBUSY);
    CHECK(taken.error().message().find("elsewhere") != std::string::npos);
    CHECK(taken.error().message().find("/mnt/a") != std::string::npos);
    CHECK(taken.error().message().find("--takeOver") != std::string::npos);
    CHECK(w.loop.run(second->close()));
    CHECK(w.present().host == "elsewhere");
}

TEST_CASE("a claim of a process of this machine that has ended is taken over at once") {
    World w;
    const pid_t child = ::fork();
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    auto first = w.claim("a", false, true);
    REQUIRE(w.loop.run(first->take()));
    CHECK(w.loop.run(first->close()));
    conf::Claim claim = w.present();
    claim.released = false;
    claim.process = std::uint64_t(child);
    claim.started = start_of_process(claim.process);
    CHECK(claim.started > 0);
    const Buffer text = Buffer::copy_of(conf::print_claim(claim));
    REQUIRE(w.loop.run(w.bucket.inner.put(claim_key, {text})));
    auto second = w.claim("a");
    CHECK(code_of(w.loop.run(second->take())) == EBUSY);
    CHECK(w.loop.run(second->close()));

    ::kill(child, SIGKILL);
    siginfo_t ended;
    ::waitid(P_PID, id_t(child), &ended, WEXITED | WNOWAIT);  // it stays a zombie
    auto third = w.claim("a");
    CHECK(w.loop.run(third->take()));
    CHECK(w.loop.run(third->close()));
    ::waitpid(child, nullptr, 0);
}

TEST_CASE("a claim older than its lease is taken over unless it is renewed while it is watched") {
    World w;
    auto first = w.claim("a", false, true);
    REQUIRE(w.loop.run(first->take()));
    CHECK(w.loop.run(first->close()));
    w.move_elsewhere(std::chrono::seconds(5));

    auto second = w.claim("a");
    CHECK(w.loop.run(second->take()));
    CHECK(w.loop.run(second->close()));

    w.move_elsewhere(std::chrono::seconds(5));
    auto third = w.claim("a");
    CHECK(code_of(w.loop.run(take_while_renewed(w, *third))) == EBUSY);
    CHECK(w.loop.run(third->close()));
}

TEST_CASE("a holder learns that it was replaced, and then permits nothing ever again") {
    for (const bool conditional : {true, false}) {
        CAPTURE(conditional);
        World w;
        w.bucket.conditional = conditional;
        auto first = w.claim("a", false, true);
        REQUIRE(w.loop.run(first->take()));
        w.move_elsewhere({});
        conf::Claim other = w.present();
        other.nonce = "another";
        const Buffer text = Buffer::copy_of(conf::print_claim(other));
        REQUIRE(w.loop.run(w.bucket.inner.put(claim_key, {text})));

        const auto lost = w.loop.run(wait_for_loss(*first));
        CHECK(code_of(lost) == ESTALE);
        CHECK(lost.error().message().find("elsewhere") != std::string::npos);
        CHECK(code_of(first->permit("x")) == ESTALE);
        CHECK(w.loop.run(first->close()));
        CHECK(w.present().nonce == "another");
    }
}

TEST_CASE("--takeOver waits until nothing that the other holder sent can take effect") {
    World w;
    auto first = w.claim("a", false, true);
    REQUIRE(w.loop.run(first->take()));
    CHECK(w.loop.run(first->close()));
    w.move_elsewhere({});

    auto second = w.claim("a", true);
    const Duration began = monotonic_now();
    REQUIRE(w.loop.run(second->take()));
    CHECK(monotonic_now() - began >= quick.fresh + quick.request);
    CHECK(second->permit("x"));
    CHECK(w.loop.run(second->close()));
}

TEST_CASE("without renewal changes are not permitted after a while, and later they are again") {
    World w;
    auto claim = w.claim("a", false, true);
    REQUIRE(w.loop.run(claim->take()));
    w.bucket.reachable = false;
    REQUIRE(w.loop.run(w.loop.sleep(quick.fresh + quick.renew)));
    CHECK(code_of(claim->permit("x")) == EIO);
    CHECK(claim->may_commit());
    REQUIRE(w.loop.run(w.loop.sleep(quick.lease)));
    CHECK(!claim->may_commit());

    w.bucket.reachable = true;
    REQUIRE(w.loop.run(w.loop.sleep(quick.renew * 10)));
    CHECK(claim->permit("x"));
    CHECK(claim->may_commit());
    CHECK(w.loop.run(claim->close()));
}

TEST_CASE("a database that is not the last one used is refused") {
    World w;
    auto first = w.claim("a", false, true);
    REQUIRE(w.loop.run(first->take()));
    CHECK(w.loop.run(first->close()));

    auto other = w.claim("b");
    const auto taken = w.loop.run(other->take());
    CHECK(code_of(taken) == ESTALE);
    CHECK(taken.error().message().find("/mnt/a") != std::string::npos);
    CHECK(w.loop.run(other->close()));
}

TEST_CASE("a put whose answer is lost still takes the claim") {
    World w;
    w.bucket.loses_answers = true;
    auto claim = w.claim("a", false, true);
    CHECK(w.loop.run(claim->take()));
    CHECK(w.loop.run(claim->close()));
    CHECK(w.present().released);
}

TEST_CASE("a claim that somebody removed is made again") {
    World w;
    auto claim = w.claim("a", false, true);
    REQUIRE(w.loop.run(claim->take()));
    const std::string nonce = w.present().nonce;
    REQUIRE(w.loop.run(w.bucket.inner.remove({claim_key})));
    REQUIRE(w.loop.run(w.loop.sleep(quick.renew * 10)));
    CHECK(w.present().nonce == nonce);
    CHECK(w.loop.run(claim->close()));
}

}  // namespace flexfs::volume
