// Tests several volumes behind one door.
#include "lib/service/door.h"

#include "lib/service/fixture_test.h"

namespace flexfs::service {
namespace {

struct House {
    Fixture first, second;
    Door door;

    House() {
        close(second);
        second.volume_options.info.id = "w";
        second.volume_options.info.name = "named";
        std::filesystem::remove_all(second.folder);
        std::filesystem::create_directory(second.folder);
        second.open();
        REQUIRE(door.add(*first.service));
        REQUIRE(door.add(*second.service));
    }
    static void close(Fixture& f) { f.close(); }
};

}  // namespace

TEST_CASE("a client reaches the volume that its first request names, and no other") {
    House house;
    Story story;
    for (const auto& [volume, id] : {std::pair{"v", "v"}, {"w", "w"}, {"named", "w"}}) {
        Client client(house.door, "a", story);
        Fixture& f = std::string(id) == "v" ? house.first : house.second;
        const auto opened = f.loop.run(client.call(wire::OpenSession{.volume = volume}));

        REQUIRE(opened);
        CHECK(opened->volume.id == id);
        CHECK(f.loop.run(client.call(wire::GetAttr{1})));
        CHECK(f.loop.run(client.call(wire::CloseSession())));
    }
    Client stranger(house.door, "b", story);
    const auto code = [&](auto request) {
        return code_of(house.first.loop.run(stranger.call(std::move(request))));
    };
    CHECK(code(wire::GetAttr{1}) == ESTALE);
    CHECK(code(wire::OpenSession{.volume = "x"}) == ENOENT);
    CHECK(code(wire::OpenSession{}) == ENOENT);
    CHECK(code_of(house.door.add(*house.first.service)) == EEXIST);
    house.door.remove(*house.second.service);
    CHECK(code(wire::OpenSession{.volume = "w"}) == ENOENT);
    CHECK(code(wire::OpenSession{}) == 0);
    CHECK(code(wire::CloseSession()) == 0);
}

}  // namespace flexfs::service
