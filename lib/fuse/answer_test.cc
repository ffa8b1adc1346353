#include "lib/fuse/answer.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

namespace flexfs::fuse {
namespace {

const View hour{std::chrono::hours(1), std::chrono::hours(1)};

vfs::Listed listed(std::string name, std::uint64_t cookie) {
    vfs::Listed entry;
    entry.name = std::move(name);
    entry.cookie = cookie;
    entry.node.attr.ino = cookie + 100;
    entry.node.attr.mode = S_IFREG;
    return entry;
}

}  // namespace

TEST_CASE("times before 1970 keep a positive number of nanoseconds") {
    wire::Attr attr;
    attr.mtime = -1;
    const auto out = kernel_attr(attr);

    CHECK(std::int64_t(out.mtime) == -1);
    CHECK(out.mtimensec == 999'999'999);
}

TEST_CASE("data in more pieces than the kernel takes at once is joined, in order") {
    std::vector<Buffer> data;
    std::string text;
    for (int i = 0; i < 3000; ++i) {
        data.push_back(Buffer::copy_of(std::to_string(i)));
        text += std::to_string(i);
    }
    const Answer answer(std::move(data));

    CHECK(answer.size() == text.size());
    REQUIRE(answer.data().size() == 1);
    CHECK(answer.data().front().text() == text);
}

TEST_CASE("attributes that may not be cached are valid for no time") {
    CHECK(kernel_entry({.attr = {}, .cacheable = true}, hour).attr_valid == 3600);
    CHECK(kernel_entry({.attr = {}, .cacheable = false}, hour).attr_valid == 0);
    CHECK(kernel_entry({.attr = {}, .cacheable = false}, hour).entry_valid == 0);
}

TEST_CASE("a folder's attributes are valid until the kernel's next tick where files' are not") {
    const wire::Attr folder{.mode = S_IFDIR};
    CHECK(kernel_entry({.attr = folder, .cacheable = true}, {}).attr_valid_nsec == 1);
    CHECK(kernel_attr_out({.attr = folder, .cacheable = true}, {}).attr_valid_nsec == 1);
    CHECK(kernel_attr_out({.attr = folder, .cacheable = true}, hour).attr_valid_nsec == 0);
    CHECK(kernel_entry({.attr = folder, .cacheable = false}, {}).attr_valid_nsec == 0);
    CHECK(kernel_entry({.attr = {}, .cacheable = true}, {}).attr_valid_nsec == 0);
}

TEST_CASE("statfs tells numbers of 32 bits while fewer inodes are in use, and the same bytes") {
    constexpr std::uint64_t tib = std::uint64_t{1} << 40, fits = UINT32_MAX;
    for (const std::uint64_t total : {std::uint64_t{1} << 20, 15 * tib, 17 * tib, 1024 * tib}) {
        const fuse_kstatfs out = kernel_statfs({.total_bytes = total, .free_bytes = total / 4});
        CHECK(out.blocks <= fits);
        CHECK(out.blocks * out.frsize == total);
        CHECK(out.bfree * out.frsize == total / 4);
        CHECK(out.bsize == out.frsize);
    }
    const auto inodes = [](std::uint64_t total, std::uint64_t free) {
        return kernel_statfs({.total_inodes = total, .free_inodes = free});
    };
    CHECK(inodes(20, 19).files == 20);
    CHECK(inodes(20, 19).ffree == 19);
    CHECK(inodes((std::uint64_t{1} << 32) + 100, std::uint64_t{1} << 32).files == fits);
    CHECK(inodes((std::uint64_t{1} << 32) + 100, std::uint64_t{1} << 32).ffree == fits - 100);
    CHECK(inodes(3 * fits, fits).files == 3 * fits);
    CHECK(inodes(3 * fits, fits).ffree == fits);
}

TEST_CASE("a directory reply refuses the entry that does not fit and keeps what did") {
    DirectoryReply reply(64, false);
    CHECK(reply.add(listed("a", 3), hour));
    CHECK(reply.add(listed("b", 4), hour));
    CHECK(!reply.add(listed("c", 5), hour));

    CHECK(std::move(reply).finish().size() == 64);
}

TEST_CASE("names that share a cookie are not split between two directory replies") {
    DirectoryReply reply(96, false);
    CHECK(reply.add(listed("a", 3), hour));
    CHECK(reply.add(listed("b", 7), hour));
    CHECK(reply.add(listed("c", 7), hour));
    CHECK(!reply.add(listed("d", 7), hour));
    reply.drop_tail(7);

    CHECK(std::move(reply).finish().size() == 32);
}

}  // namespace flexfs::fuse
