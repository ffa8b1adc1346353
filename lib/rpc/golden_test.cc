#include "lib/wire/golden_test.h"

#include "lib/rpc/packet.h"

namespace flexfs::rpc {

TEST_CASE("packets have their golden bytes") {
    wire::Golden golden;
    golden.add("hello", wire::filled<Hello>());
    golden.add("failure", wire::filled<Failure>());
    for (const Kind kind :
         {Kind::hello, Kind::request, Kind::reply, Kind::push, Kind::cancel, Kind::end})
        golden.add_bytes("header of kind " + std::to_string(int(kind)),
                         bare_frame({.kind = kind, .flags = 1, .op = 2, .id = 3}));
    golden.add_bytes("error", error_frame({.kind = Kind::reply, .id = 3}, {5, "why"}));
    golden.compare(__FILE__, "golden.txt");
}

}  // namespace flexfs::rpc
