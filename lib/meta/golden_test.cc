#include "lib/wire/golden_test.h"

#include "lib/meta/fixture_test.h"

namespace flexfs::meta {
namespace {

template <class Variant, std::size_t... index>
std::vector<Variant> alternatives(std::index_sequence<index...>) {
    return {Variant(std::in_place_index<index>,
                    wire::filled<std::variant_alternative_t<index, Variant>>())...};
}
template <class Variant>
std::vector<Variant> alternatives() {
    return alternatives<Variant>(std::make_index_sequence<std::variant_size_v<Variant>>());
}

// Returns the bytes of a journal with one record.
Buffer journal_of_two_calls() {
    Fixture f;
    const auto make = [](const char* name) {
        return Call{
            .request = wire::Make{.parent = 1, .name = name, .mode = S_IFREG | 0644, .now = 5},
            .now = 6};
    };
    const std::vector<Call> batch{make("a"), make("b")};
    for (const Outcome& outcome : f.volume->apply(batch)) REQUIRE(outcome.reply);
    std::ifstream file(f.folder + "/meta.db-calls.0", std::ios::binary);
    return Buffer::take(std::string(std::istreambuf_iterator<char>(file), {}));
}

}  // namespace

TEST_CASE("every journal record and every stored reply has its golden bytes") {
    wire::Golden golden;
    for (const Request& request : alternatives<Request>())
        golden.add("call " + std::to_string(request.index()), Call{.session = 1,
                                                                   .sequence = 2,
                                                                   .request = request,
                                                                   .now = 3,
                                                                   .holders = {4, 5},
                                                                   .oldest = 6});
    for (const Reply& reply : alternatives<Reply>())
        golden.add("reply " + std::to_string(reply.index()), Result<Reply>(reply));
    golden.add("refused", Result<Reply>(fail(2, "why")));
    golden.add_bytes("journal", journal_of_two_calls());
    golden.compare(__FILE__, "golden.txt");
}

}  // namespace flexfs::meta
