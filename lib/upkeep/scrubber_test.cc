#include "lib/upkeep/scrubber.h"

#include <fcntl.h>

#include "lib/upkeep/fixture_test.h"

namespace flexfs::upkeep {
namespace {

struct Scrubbed {
    Result<void> outcome;
    wire::ScrubState state;
};

Scrubbed scrub(Fixture& f) {
    REQUIRE(f.volume->commit());
    Scrubber scrubber(f.loop, *f.volume, f.faulty_store, {});
    auto outcome = f.loop.run(scrubber.run());
    return {std::move(outcome), scrubber.state()};
}

// Replaces the object by what `change` makes of its bytes.
void alter(Fixture& f, wire::SegmentId id, const std::function<void(std::string&)>& change) {
    std::string bytes(f.loop.run(f.store.get(f.key(id)))->text());
    change(bytes);
    REQUIRE(f.loop.run(f.store.put(f.key(id), {Buffer::copy_of(bytes)})));
}

}  // namespace

TEST_CASE("a scrub of an intact volume reads all of it and finds nothing") {
    Fixture f;
    Client& a = f.open_session("a", true);
    const Shared shared(f, a);

    const Scrubbed done = scrub(f);
    CHECK(done.outcome);
    CHECK(done.state.segments == 1);
    CHECK(done.state.segments_total == 1);
    CHECK(done.state.bytes == done.state.bytes_total);
    CHECK(done.state.frames == shared.files.size());
    CHECK(done.state.damaged == 0);
}

TEST_CASE("a scrub names the file whose frame is damaged, and no other") {
    Fixture f;
    Client& a = f.open_session("a", true);
    const Shared shared(f, a);
    // Each frame holds 10,000 bytes; this is in the third.
    alter(f, shared.segment, [](std::string& bytes) { bytes[25'000] ^= 1; });

    const Scrubbed done = scrub(f);
    CHECK(done.outcome);
    REQUIRE(done.state.found.size() == 1);
    const wire::Damage& damage = done.state.found[0];
    CHECK(damage.path == "/c");
    CHECK(damage.ino == shared.files[2]);
    CHECK(damage.offset == 0);
    CHECK(damage.bytes == shared.data.size());
    CHECK(damage.object == f.key(shared.segment));
    CHECK(!damage.why.empty());
}

TEST_CASE("a scrub names all files of an object that is missing, shortened or replaced") {
    for (const std::string how : {"missing", "shortened", "replaced"}) {
        CAPTURE(how);
        Fixture f;
        Client& a = f.open_session("a", true);
        const Shared shared(f, a);
        if (how == "missing") REQUIRE(f.loop.run(f.store.remove({f.key(shared.segment)})));
        if (how == "shortened")
            alter(f, shared.segment, [](std::string& bytes) { bytes.resize(bytes.size() / 2); });
        if (how == "replaced")
            alter(f, shared.segment, [&](std::string& bytes) {
                block::SegmentBuilder builder(shared.segment);
                for (const Ino ino : shared.files)
                    builder.add(block::encode_frame({.ino = ino},
                                                    {Buffer::copy_of(std::string(10000, 'x'))},
                                                    wire::Compression::none));
                bytes.clear();
                for (const Buffer& piece : builder.finish()) bytes += piece.text();
            });

        const Scrubbed done = scrub(f);
        CHECK(done.outcome);
        REQUIRE(done.state.found.size() == shared.files.size());
        CHECK(done.state.found[0].path == "/a");
        CHECK(done.state.found[5].path == "/f");
    }
}

TEST_CASE("a scrub fails if the store does, and says nothing about damage") {
    Fixture f;
    Client& a = f.open_session("a", true);
    const Shared shared(f, a);
    f.steps.nth = 1;

    const Scrubbed done = scrub(f);
    CHECK(code_of(done.outcome) == EIO);
    CHECK(done.state.damaged == 0);
}

TEST_CASE("damage in dead frames is not reported") {
    Fixture f;
    Client& a = f.open_session("a", true);
    Shared shared(f, a);
    shared.truncate(f, a, 2);
    alter(f, shared.segment, [](std::string& bytes) { bytes[25'000] ^= 1; });

    const Scrubbed done = scrub(f);
    CHECK(done.outcome);
    CHECK(done.state.damaged == 0);
}

}  // namespace flexfs::upkeep
