#include "lib/wire/golden_test.h"

#include <stdlib.h>

#include "lib/db/journal.h"

namespace flexfs::db {
namespace {

Buffer content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return Buffer::take(std::string(std::istreambuf_iterator<char>(file), {}));
}

}  // namespace

TEST_CASE("the records of a journal have their golden bytes") {
    std::string folder = std::filesystem::temp_directory_path() / "flexfs-golden-XXXXXX";
    REQUIRE(::mkdtemp(folder.data()));
    auto journal = std::move(Journal::open(folder + "/j", 7).value());
    for (const auto& [number, text] : {std::pair(5, ""), {6, "seven b"}, {7, "more than a word"}})
        REQUIRE(journal->append(std::uint64_t(number), as_bytes(std::string_view(text))));

    wire::Golden golden;
    golden.add_bytes("records 5 to 7, key 7", content(folder + "/j.0"));
    std::filesystem::remove_all(folder);
    golden.compare(__FILE__, "golden.txt");
}

}  // namespace flexfs::db
