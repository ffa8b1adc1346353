// A service with housekeeping, and segments that it finds worth repacking.
#pragma once

#include "lib/object/steps_test.h"
#include "lib/service/fixture_test.h"
#include "lib/upkeep/housekeeper.h"

namespace flexfs::upkeep {

using service::Client;
using wire::Ino;

struct Fixture : service::Fixture {
    Options options_now;
    object::Steps steps;  // of the housekeeper's use of the store
    object::FaultyStore faulty_store{store, steps};
    std::unique_ptr<Housekeeper> housekeeper;

    explicit Fixture(Options wanted = {}) : service::Fixture({.upkeep_pause = Duration::zero()}) {
        wanted.garbage_delay = Duration::zero();
        wanted.clock = [this] { return now; };
        start(wanted);
    }
    ~Fixture() { stop(); }

    void start(Options wanted) {
        options_now = std::move(wanted);
        housekeeper =
            std::make_unique<Housekeeper>(loop, *service, *volume, faulty_store, options_now);
    }
    void stop() {
        static_cast<void>(loop.run(housekeeper->close()));
        housekeeper.reset();
    }
    void restart() {
        stop();
        service::Fixture::restart();
        start(options_now);
    }

    Result<void> upkeep() {
        TRY(loop.run(service->maintain()));
        return loop.run(housekeeper->run());
    }
};

// Six files of one frame each, in one segment.
struct Shared {
    std::vector<Ino> files;
    wire::SegmentId segment = 0;
    std::string data = std::string(10000, 'd');

    Shared(Fixture& f, Client& client) {
        segment = f.ask(client, wire::ReserveSegments{1}).first;
        block::SegmentBuilder builder(segment);
        wire::Commit commit{.now = ++f.now};
        for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
            files.push_back(f.create(client, name));
            auto frame = block::encode_frame({.ino = files.back()}, {Buffer::copy_of(data)},
                                             wire::Compression::none);
            wire::InodeCommit& change = commit.inodes.emplace_back();
            change.ino = files.back();
            change.extents.push_back({.len = std::uint32_t(data.size()),
                                      .segment = segment,
                                      .stored = frame.stored,
                                      .check = frame.check,
                                      .form = wire::FrameForm::chunked,
                                      .chunks = frame.chunks});
            change.extents[0].pos = builder.add(std::move(frame));
        }
        commit.segments = {{segment, builder.bytes()}};
        REQUIRE(f.loop.run(f.store.put(f.key(segment), builder.finish())));
        f.ask(client, commit);
    }
    void truncate(Fixture& f, Client& client, std::size_t all_but) {
        for (std::size_t i = all_but; i < files.size(); ++i)
            f.ask(client, wire::SetAttr{.ino = files[i], .mask = wire::set_size, .now = ++f.now});
    }
};

}  // namespace flexfs::upkeep
