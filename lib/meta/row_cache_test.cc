#include "lib/meta/row_cache.h"

#include <doctest/doctest.h>

#include <unordered_map>

namespace flexfs::meta {

TEST_CASE("rows stay while they are few; of too many a half is kept") {
    RowCache cache;
    cache.keep(100);
    std::unordered_map<int, int> rows;
    for (int i = 0; i < 100; ++i) rows[i] = i;
    cache.shrink(rows);
    CHECK(rows.size() == 100);
    CHECK(!cache.is_full(rows.size()));

    for (int i = 100; i < 200; ++i) rows[i] = i;
    CHECK(cache.is_full(rows.size()));
    cache.shrink(rows);
    CHECK(rows.size() == 50);
    for (const auto& [key, value] : rows) CHECK(key == value);
}

}  // namespace flexfs::meta
