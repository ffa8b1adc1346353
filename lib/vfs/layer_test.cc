#include "lib/vfs/layer.h"

#include <doctest/doctest.h>

#include <string>

namespace flexfs::vfs {
namespace {

Span span(std::uint64_t offset, const std::string& text) {
    auto slab = std::make_shared<Slab>();
    slab->kept = Buffer::copy_of(text);
    return {offset, slab, slab->kept.view()};
}

// Shows the first 20 bytes, with '.' where there are none.
std::string picture(const Layer& layer) {
    std::string text(20, '.');
    for (const Span& part : layer.find({0, 20}))
        text.replace(part.offset, part.bytes.size(), as_text(part.bytes));
    return text;
}

}  // namespace

TEST_CASE("the next bytes are those at an offset or behind it") {
    Layer layer;
    CHECK(layer.next(0) == Range{UINT64_MAX, UINT64_MAX});
    layer.put(span(10, "ten"));
    CHECK(layer.next(0) == Range{10, 13});
    CHECK(layer.next(11) == Range{11, 13});
    CHECK(layer.next(13) == Range{UINT64_MAX, UINT64_MAX});
}

TEST_CASE("new bytes lie over old ones and are counted once") {
    Layer layer;
    layer.put(span(2, "aaaaaaaa"));
    layer.put(span(4, "bb"));
    layer.put(span(8, "cccc"));

    CHECK(picture(layer) == "..aabbaacccc........");
    CHECK(layer.bytes() == 10);
    CHECK(layer.end() == 12);
}

TEST_CASE("bytes put underneath only fill gaps") {
    Layer layer;
    layer.put(span(4, "bb"));
    layer.put(span(10, "dd"));
    layer.put_under(span(2, "aaaaaaaaaaaa"));

    CHECK(picture(layer) == "..aabbaaaaddaa......");
}

TEST_CASE("taking out splits what reaches over the edges") {
    Layer layer;
    layer.put(span(2, "abcdefgh"));
    const auto taken = layer.take({4, 6});

    REQUIRE(taken.size() == 1);
    CHECK(as_text(taken[0].bytes) == "cd");
    CHECK(picture(layer) == "..ab..efgh..........");
    CHECK(layer.gaps({0, 12}) == std::vector<Range>{{0, 2}, {4, 6}, {10, 12}});
    CHECK(layer.covers({6, 10}));
    CHECK_FALSE(layer.covers({3, 7}));
    CHECK(layer.bytes_before(4) == 2);
    CHECK(layer.bytes_before(5) == 0);
}

TEST_CASE("a writer that goes on fills the memory behind it, and nobody else's view changes") {
    auto slab = std::make_shared<Slab>();
    slab->capacity = 6;
    slab->memory = std::make_unique<std::byte[]>(6);
    std::memcpy(slab->memory.get(), "abc", 3);
    slab->used = 3;
    Layer layer;
    layer.put({0, slab, {slab->memory.get(), 3}});
    const Buffer seen = layer.find({0, 20})[0].buffer();

    CHECK(layer.append(3, as_bytes("de")));
    CHECK_FALSE(layer.append(5, as_bytes("fg")));  // there is no room
    CHECK_FALSE(layer.append(9, as_bytes("x")));   // it does not follow the span
    CHECK(picture(layer) == "abcde...............");
    CHECK(seen.text() == "abc");
    layer.take({4, 5});
    CHECK_FALSE(layer.append(4, as_bytes("f")));  // a reader may still use those bytes
}

}  // namespace flexfs::vfs
