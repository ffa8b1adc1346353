#include "lib/cloud/refreshing.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "lib/cloud/fake_provider_test.h"

namespace flexfs::cloud {
namespace {

// Gives the key number 1, then 2, …, each for an hour.
class NumberedKeys final : public Source {
public:
    explicit NumberedKeys(World& world) : world_(world) {}

    Task<Credentials> get() override {
        ++asked;
        changed_now = false;
        if (gate) co_await gate->wait();
        if (trouble != 0) co_return explain(trouble, "no keys today");
        co_return Credentials{.kind = Credentials::Kind::key,
                              .id = std::to_string(++given),
                              .expires = world_.now + lifetime * 1'000'000'000};
    }
    std::string describe() const override { return "a test"; }
    bool changed() override { return changed_now; }
    bool can_renew() override { return renewable; }

    std::int64_t lifetime = 3600;
    int asked = 0, given = 0, trouble = 0;
    bool changed_now = false, renewable = true;
    task::Event* gate = nullptr;

private:
    World& world_;
};

struct Setup {
    World world;
    Context context{world.loop, world.client, [this] { return world.now; }, world.variables()};
    std::unique_ptr<NumberedKeys> made = std::make_unique<NumberedKeys>(world);
    NumberedKeys& source = *made;
    Refreshing keys{context, std::move(made)};

    ~Setup() { CHECK(world.loop.run(keys.close())); }

    // Returns the number of the key that a request would be signed with, or the error.
    std::string use() {
        const auto got = world.loop.run(keys.get());
        return got ? (*got)->id : got.error().message();
    }
};

Task<void> use_and_note(Refreshing& keys, std::vector<std::string>& used) {
    used.push_back((co_await keys.get())->id);
}

}  // namespace

TEST_CASE("credentials are kept until five minutes before they expire, then replaced") {
    Setup setup;
    CHECK(setup.use() == "1");
    setup.world.pass(3299);
    CHECK(setup.use() == "1");
    CHECK(setup.source.asked == 1);

    setup.world.pass(1);
    CHECK(setup.use() == "2");
    CHECK(setup.source.asked == 2);
}

TEST_CASE("short-lived credentials are replaced in the last quarter of their life") {
    Setup setup;
    setup.source.lifetime = 100;
    CHECK(setup.use() == "1");
    setup.world.pass(74);
    CHECK(setup.use() == "1");
    setup.world.pass(1);
    CHECK(setup.use() == "2");
}

TEST_CASE("requests go on with the old credentials while new ones are fetched, once") {
    task::Event gate;
    Setup setup;
    CHECK(setup.use() == "1");
    setup.source.gate = &gate;
    setup.world.pass(3400);

    for (int i = 0; i < 5; ++i) CHECK(setup.use() == "1");
    CHECK(setup.source.asked == 2);
    gate.set();
    setup.world.run_until([&setup] { return setup.source.given == 2; });
    CHECK(setup.use() == "2");
}

TEST_CASE("many requests without credentials wait for one fetch") {
    task::Event gate;
    Setup setup;
    setup.source.gate = &gate;
    std::vector<std::string> used;
    Scope scope;
    for (int i = 0; i < 5; ++i) scope.start(use_and_note(setup.keys, used));
    CHECK(used.empty());

    gate.set();
    CHECK(setup.world.loop.run(scope.join()));
    CHECK(used == std::vector<std::string>(5, "1"));
    CHECK(setup.source.asked == 1);
}

TEST_CASE("a failed refresh is repeated with growing pauses, and harms once the old ones expired") {
    Setup setup;
    CHECK(setup.use() == "1");
    setup.source.trouble = ETIMEDOUT;
    setup.world.pass(3300);
    for (int second = 0; second < 299; ++second) {
        CHECK(setup.use() == "1");
        setup.world.pass(1);
    }
    CHECK(setup.source.asked > 4);
    CHECK(setup.source.asked < 12);

    setup.world.pass(1);
    CHECK(setup.use() == "no keys today");
    setup.source.trouble = 0;
    setup.world.pass(1);
    CHECK(setup.use() == "2");
}

TEST_CASE("a failure is repeated for a second without asking again") {
    Setup setup;
    setup.source.trouble = EACCES;
    for (int i = 0; i < 5; ++i) CHECK(setup.use() == "no keys today");
    CHECK(setup.source.asked == 1);

    setup.world.pass(1);
    CHECK(setup.use() == "no keys today");
    CHECK(setup.source.asked == 2);
}

TEST_CASE("refused credentials are replaced, if the source can have others") {
    Setup setup;
    CHECK(setup.use() == "1");
    setup.world.pass(10);
    CHECK(setup.keys.renew());
    CHECK(setup.use() == "2");
    // Requests that were signed before are refused later.
    CHECK(setup.keys.renew());
    CHECK(setup.use() == "2");

    setup.world.pass(10);
    setup.source.renewable = false;
    CHECK_FALSE(setup.keys.renew());
    CHECK(setup.use() == "2");
}

TEST_CASE("credentials are fetched again when their file has changed") {
    Setup setup;
    CHECK(setup.use() == "1");
    setup.source.changed_now = true;
    setup.world.pass(1);
    CHECK(setup.use() == "2");
}

TEST_CASE("a request that was signed before a file changed is worth repeating after it") {
    Setup setup;
    setup.source.renewable = false;
    CHECK(setup.use() == "1");
    CHECK_FALSE(setup.keys.renew());
    setup.source.changed_now = true;
    setup.world.pass(1);
    CHECK(setup.use() == "2");

    CHECK(setup.keys.renew());
    CHECK(setup.use() == "2");
    setup.world.pass(5);
    CHECK_FALSE(setup.keys.renew());
}

TEST_CASE("an end while credentials are fetched ends those who wait") {
    task::Event never_set;
    Setup setup;
    setup.source.gate = &never_set;
    std::vector<std::string> used;
    Scope scope;
    scope.start(use_and_note(setup.keys, used));

    CHECK(setup.world.loop.run(setup.keys.close()));
    CHECK(setup.world.loop.run(scope.join()));
    CHECK(used.empty());
}

TEST_CASE("a clock that goes back does no harm") {
    Setup setup;
    CHECK(setup.use() == "1");
    setup.world.pass(-86400);
    CHECK(setup.use() == "1");
    setup.source.trouble = EIO;
    CHECK(setup.keys.renew());
    CHECK(setup.use() == "no keys today");
    setup.world.pass(-86400);
    setup.source.trouble = 0;
    CHECK(setup.use() == "2");
}

}  // namespace flexfs::cloud
