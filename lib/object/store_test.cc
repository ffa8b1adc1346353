// Tests the guarantees of the interface on every kind of store.
#include "lib/object/store.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <functional>

#include "lib/base/scratch_test.h"
#include "lib/object/address.h"
#include "lib/object/azure_fixture_test.h"
#include "lib/object/file_store.h"
#include "lib/object/memory_store.h"
#include "lib/object/real_bucket_test.h"
#include "lib/object/s3_fixture_test.h"

namespace flexfs::object {
namespace {

std::vector<Buffer> pieces_of(std::initializer_list<std::string> texts) {
    std::vector<Buffer> pieces;
    for (const std::string& text : texts) pieces.push_back(Buffer::copy_of(text));
    return pieces;
}

std::vector<std::string> keys_of(const Page& page) {
    std::vector<std::string> keys;
    for (const Listed& object : page.objects) keys.push_back(object.key);
    return keys;
}

using Check = std::function<void(Loop&, Store&)>;

void for_each_kind(const Check& check_store) {
    {
        INFO("memory");
        Loop loop;
        MemoryStore store;
        check_store(loop, store);
        CHECK(loop.run(store.close()));
    }
    {
        INFO("file");
        TestFolder folder;
        Loop loop;
        auto store = FileStore::open(loop, folder.path());
        REQUIRE(store);
        check_store(loop, **store);
        CHECK(loop.run((*store)->close()));
    }
    {
        INFO("memory with errors and truncation, requests repeated");
        Loop loop;
        auto store = open_store(loop, "memory:?errors=0.2&truncate=0.2&seed=7");
        REQUIRE(store);
        check_store(loop, **store);
        CHECK(loop.run((*store)->close()));
    }
    {
        INFO("s3");
        S3Setup on({.prefix = "some/where"});
        on.s3.page_max = 3;
        check_store(on.loop, *on.store);
    }
    {
        INFO("azure");
        AzureSetup on("some/where");
        on.azure.page_max = 3;
        check_store(on.loop, *on.store);
    }
    if (const RealBucket real("FLEXFS_TEST_S3"); real) {
        INFO("s3 of a real server");
        const auto on = open_real_s3(real);
        check_store(on->loop, *on->store);
    }
    if (const RealBucket real("FLEXFS_TEST_AZURE"); real) {
        INFO("azure of a real server");
        const auto on = open_real_azure(real);
        check_store(on->loop, *on->store);
    }
}

}  // namespace

TEST_CASE("several ranges come with one request, each in memory of its own") {
    for_each_kind([](Loop& loop, Store& store) {
        std::string all;
        for (int i = 0; i < 100'000; ++i) all += std::to_string(i);
        REQUIRE(loop.run(store.put("a/b", {Buffer::copy_of(all)})));
        const std::vector<ByteRange> ranges = {{5, 70'000}, {70'005, 10}, {200'000, 100'000}};
        for (int round = 0; round < 3; ++round) {
            const auto got = loop.run(store.get_ranges("a/b", ranges));
            REQUIRE(got);
            REQUIRE(got->size() == ranges.size());
            for (std::size_t i = 0; i < ranges.size(); ++i)
                CHECK((*got)[i].text() ==
                      std::string_view(all).substr(ranges[i].offset, ranges[i].size));
            CHECK((*got)[0].data() + ranges[0].size != (*got)[1].data());
        }
        const auto small = loop.run(store.get_ranges("a/b", {{all.size() - 3, 3}}));
        CHECK((*small)[0].text() == std::string_view(all).substr(all.size() - 3));
        CHECK(code_of(loop.run(store.get_ranges("a/b", {{0, 1}, {all.size() - 3, 4}}))) == ERANGE);
        CHECK(code_of(loop.run(store.get_ranges("a/c", {{0, 1}}))) == ENOENT);
    });
}

TEST_CASE("a stored object can be read whole and in ranges") {
    for_each_kind([](Loop& loop, Store& store) {
        REQUIRE(loop.run(store.put("vol/ab/0001", pieces_of({"hello", "", " ", "world"}))));

        CHECK(loop.run(store.get("vol/ab/0001"))->text() == "hello world");
        CHECK(loop.run(store.get("vol/ab/0001", 4, 3))->text() == "o w");
        CHECK(loop.run(store.get("vol/ab/0001", 11, 0))->text() == "");
        CHECK(loop.run(store.size("vol/ab/0001")) == 11);
        CHECK(loop.run(store.put("empty", {})));
        CHECK(loop.run(store.get("empty"))->empty());
    });
}

TEST_CASE("a missing object is ENOENT and a range past its end is ERANGE") {
    for_each_kind([](Loop& loop, Store& store) {
        REQUIRE(loop.run(store.put("a/b", pieces_of({"12345"}))));

        CHECK(code_of(loop.run(store.get("a/c"))) == ENOENT);
        CHECK(code_of(loop.run(store.get("a"))) == ENOENT);
        CHECK(code_of(loop.run(store.get("a/b/c", 0, 1))) == ENOENT);
        CHECK(code_of(loop.run(store.size("none/at/all"))) == ENOENT);
        CHECK(code_of(loop.run(store.get("a/b", 0, 6))) == ERANGE);
        CHECK(code_of(loop.run(store.get("a/b", 6, 0))) == ERANGE);
        CHECK(code_of(loop.run(store.get("a/b", UINT64_MAX, 2))) == ERANGE);
        CHECK(code_of(loop.run(store.get("a/b", 1, SIZE_MAX))) == ERANGE);
    });
}

TEST_CASE("removed objects are gone and removing what is missing is no error") {
    for_each_kind([](Loop& loop, Store& store) {
        REQUIRE(loop.run(store.put("v/1", pieces_of({"x"}))));
        REQUIRE(loop.run(store.put("v/2", pieces_of({"y"}))));

        CHECK(loop.run(store.remove({"v/1", "v/3", "w/1", "v/2/4"})));
        CHECK(code_of(loop.run(store.get("v/1"))) == ENOENT);
        CHECK(loop.run(store.get("v/2"))->text() == "y");
    });
}

TEST_CASE("a put may be repeated") {
    for_each_kind([](Loop& loop, Store& store) {
        REQUIRE(loop.run(store.put("v/1", pieces_of({"x"}))));
        REQUIRE(loop.run(store.put("v/1", pieces_of({"x"}))));
        CHECK(loop.run(store.get("v/1"))->text() == "x");
        CHECK(loop.run(store.list("", "", 10))->objects.size() == 1);
    });
}

TEST_CASE("keys that could name something outside are EINVAL") {
    for_each_kind([](Loop& loop, Store& store) {
        const std::string keys[] = {"",
                                    "/etc/x",
                                    "../x",
                                    "a/../../x",
                                    "a//b",
                                    "a/",
                                    ".put/x",
                                    "a/./b",
                                    ".",
                                    "a/.b",
                                    std::string(1, 0),
                                    std::string(300, 'a')};
        for (const std::string& key : keys) {
            INFO(key);
            CHECK(code_of(loop.run(store.put(key, pieces_of({"x"})))) == EINVAL);
            CHECK(code_of(loop.run(store.get(key))) == EINVAL);
            CHECK(code_of(loop.run(store.get(key, 0, 1))) == EINVAL);
            CHECK(code_of(loop.run(store.size(key))) == EINVAL);
            CHECK(code_of(loop.run(store.remove({key}))) == EINVAL);
        }
    });
}

TEST_CASE("a list has the keys in byte order, by prefix, page after page") {
    for_each_kind([](Loop& loop, Store& store) {
        const std::vector<std::string> all = {"a-b", "a/b/1", "a/b/2", "a/b1", "a0", "b/1"};
        for (auto at = all.rbegin(); at != all.rend(); ++at)
            REQUIRE(loop.run(store.put(*at, pieces_of({"123"}))));

        const auto page = loop.run(store.list("", "", 100));
        CHECK(keys_of(*page) == all);
        CHECK(!page->more);
        CHECK(page->objects[0].bytes == 3);
        CHECK(page->objects[0].modified > 0);
        CHECK(keys_of(*loop.run(store.list("a/b", "", 9))) ==
              std::vector<std::string>{"a/b/1", "a/b/2", "a/b1"});
        CHECK(keys_of(*loop.run(store.list("a/b/", "a/b/1", 9))) ==
              std::vector<std::string>{"a/b/2"});
        CHECK(keys_of(*loop.run(store.list("a/", "a/b/", 1))) == std::vector<std::string>{"a/b/1"});
        CHECK(loop.run(store.list("c", "", 9))->objects.empty());

        std::vector<std::string> paged;
        for (bool more = true; more;) {
            const auto next = loop.run(store.list("", paged.empty() ? "" : paged.back(), 2));
            for (const std::string& key : keys_of(*next)) paged.push_back(key);
            more = next->more;
            CHECK(paged.size() <= all.size());
        }
        CHECK(paged == all);
    });
}

TEST_CASE("put_if puts only over the content whose tag it names") {
    for_each_kind([](Loop& loop, Store& store) {
        // An answer that was lost counts as EEXIST, and the caller compares.
        const auto put = [&](std::string text, std::string tag) {
            const auto put = loop.run(store.put_if("c/laim", Buffer::copy_of(text), tag));
            if (put) return *put;
            CHECK(put.error().code == EEXIST);
            const auto found = loop.run(store.get_versioned("c/laim"));
            REQUIRE(found);
            return found->content.text() == text ? found->tag : std::string("refused");
        };
        CHECK(code_of(loop.run(store.get_versioned("c/laim"))) == ENOENT);
        CHECK(code_of(loop.run(store.put_if("c/laim", Buffer::copy_of("a"), "none"))) == EEXIST);

        const std::string first = put("first", "");
        CHECK(put("other", "") == "refused");
        const std::string second = put("second", first);
        CHECK(second != first);
        CHECK(put("third", first) == "refused");

        const auto found = loop.run(store.get_versioned("c/laim"));
        REQUIRE(found);
        CHECK(found->content.text() == "second");
        CHECK(found->tag == second);
        CHECK(loop.run(store.get("c/laim"))->text() == "second");
    });
}

TEST_CASE("counters count requests, answers and faults alike, and the bytes that went through") {
    for (const bool file : {false, true}) {
        TestFolder folder;
        Loop loop;
        std::unique_ptr<Store> store = std::make_unique<MemoryStore>();
        if (file) store = *FileStore::open(loop, folder.path());
        REQUIRE(loop.run(store->put("a", pieces_of({"12", "345"}))));
        REQUIRE(loop.run(store->get("a", 1, 2)));
        REQUIRE(!loop.run(store->get("b")));
        REQUIRE(loop.run(store->remove({"a", "b"})));
        REQUIRE(loop.run(store->list("", "", 1)));

        const Counters counters = store->counters();
        CHECK(counters.puts == 1);
        CHECK(counters.put_bytes == 5);
        CHECK(counters.gets == 2);
        CHECK(counters.get_bytes == 2);
        CHECK(counters.deletes == 2);
        CHECK(counters.lists == 1);
    }
}

TEST_CASE("a full memory store is ENOSPC until something is removed") {
    Loop loop;
    MemoryStore store(4);
    REQUIRE(loop.run(store.put("a", pieces_of({"123"}))));

    CHECK(code_of(loop.run(store.put("b", pieces_of({"12"})))) == ENOSPC);
    CHECK(loop.run(store.space())->free == 1);
    REQUIRE(loop.run(store.remove({"a"})));
    CHECK(loop.run(store.put("b", pieces_of({"12"}))));
}

}  // namespace flexfs::object
