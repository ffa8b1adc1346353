#include "lib/cli/table.h"

#include <doctest/doctest.h>

namespace flexfs::cli {

TEST_CASE("columns are as wide as their widest cell and numbers stand on the right") {
    Table table({{"name"}, {"used bytes", true}, {"note"}});
    table.add({Json("größe"), {Json(4096), "4.0 KiB"}, Json("a\nb")});
    table.add({Json("x"), Json(7), Json()});

    CHECK(table.text() ==
          "name   used bytes  note\n"
          "größe     4.0 KiB  a?b\n"
          "x               7\n");
}

TEST_CASE("as JSON a table is an array of objects with values, not texts") {
    Table table({{"name"}, {"used bytes", true}});
    CHECK(to_text(table.json()) == "[]\n");
    table.add({Json("a"), {Json(4096), "4.0 KiB"}});

    CHECK(table.json().dump() == R"([{"name":"a","used_bytes":4096}])");
}

TEST_CASE("a name that is not UTF-8 does not spoil the JSON") {
    CHECK(to_text(Json("a\xff")) == "\"a\xEF\xBF\xBD\"\n");
}

}  // namespace flexfs::cli
