#include "lib/fuse/access_log.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "lib/base/scratch_test.h"
#include "lib/fuse/fake_test.h"

namespace flexfs::fuse {
namespace {

std::string text_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

template <class T>
Request request(std::uint32_t opcode, const T& head, std::string_view rest) {
    const std::string body = Body().add(head).data(rest).bytes();
    return {{.opcode = opcode, .nodeid = 7}, Buffer::copy_of(body)};
}

AccessLog::Line line(std::string arguments) {
    return {.operation = "lookup",
            .arguments = std::move(arguments),
            .uid = 1,
            .pid = 2,
            .outcome = "OK",
            .took = std::chrono::microseconds(35)};
}

Task<void> log_and_close(AccessLog& log, int lines) {
    for (int i = 0; i < lines; ++i) log.add(line("ino=1 name=a"), 1'500'000);
    co_await log.close();
}

}  // namespace

TEST_CASE("a request is described by its inode and its arguments, with escaped names") {
    const fuse_rename2_in rename{.newdir = 9, .flags = 0, .padding = 0};
    const fuse_write_in write{.fh = 4, .offset = 10, .size = 3};
    using namespace std::string_literals;

    CHECK(describe({{.opcode = FUSE_UNLINK, .nodeid = 7}, Buffer::copy_of("a b\n\0"s)}) ==
          "ino=7 name=a\\040b\\012");
    CHECK(describe(request(FUSE_RENAME2, rename, "x\0y\0"s)) ==
          "ino=7 name=x newParent=9 newName=y");
    CHECK(describe(request(FUSE_WRITE, write, "abc")) == "ino=7 fh=4 offset=10 size=3");
    CHECK(describe({{.opcode = FUSE_GETATTR, .nodeid = 7}, Buffer()}) == "ino=7");
    CHECK(describe({{.opcode = FUSE_RENAME2, .nodeid = 7}, Buffer()}) == "ino=7 newParent=0");
}

TEST_CASE("an outcome is an errno, a number of bytes or OK") {
    CHECK(describe(FUSE_READ, fail(EDQUOT)) == "EDQUOT");
    CHECK(describe(FUSE_READ, Answer(Buffer::copy_of("abc"))) == "3");
    CHECK(describe(FUSE_WRITE, Answer().add(fuse_write_out{.size = 8, .padding = 0})) == "8");
    CHECK(describe(FUSE_LOOKUP, Answer().add(fuse_entry_out{})) == "ENOENT");
    CHECK(describe(FUSE_MKDIR, Answer().add(fuse_entry_out{})) == "OK");
}

TEST_CASE("each answered request is a line in a file for its owner alone") {
    const TestFolder scratch;
    const std::string path = scratch.path() + "/log";
    {
        Loop loop;
        AccessLog log(loop, path);
        REQUIRE(log.open());
        CHECK(loop.run(log_and_close(log, 2)));
    }

    const std::string once =
        "1970-01-01T00:00:00.001500Z lookup ino=1 name=a uid=1 pid=2 = OK 35us\n";
    CHECK(text_of(path) == once + once);
    CHECK(std::filesystem::status(path).permissions() ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("lines without room in the buffer are dropped and counted") {
    const TestFolder scratch;
    Loop loop;
    AccessLog log(loop, scratch.path() + "/log", 200);
    REQUIRE(log.open());
    CHECK(loop.run(log_and_close(log, 10)));

    CHECK(log.dropped() == 8);
    const std::string text = text_of(scratch.path() + "/log");
    CHECK(std::ranges::count(text, '\n') == 2);
}

TEST_CASE("the file is opened again after it was moved away") {
    const TestFolder scratch;
    const std::string path = scratch.path() + "/log";
    Loop loop;
    AccessLog log(loop, path);
    REQUIRE(log.open());
    log.add(line("ino=1"), 0);
    CHECK(loop.run(log.flush(std::chrono::seconds(10))));
    std::filesystem::rename(path, path + ".1");
    log.add(line("ino=2"), 0);
    log.reopen();
    CHECK(loop.run(log.close()));

    CHECK(text_of(path + ".1").contains("ino=1 "));
    CHECK(text_of(path).contains("ino=2 "));
}

TEST_CASE("a log that cannot be opened is an error, and names the file") {
    Loop loop;
    AccessLog log(loop, "/nonexistent/log");
    const auto opened = log.open();
    CHECK(code_of(opened) == ENOENT);
    CHECK(opened.error().message().contains("/nonexistent/log"));
}

}  // namespace flexfs::fuse
