#include "lib/fuse/server.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/fs.h>

#include <random>

#include "lib/fuse/fake_test.h"
#include "lib/fuse/operations.h"

namespace flexfs::fuse {
namespace {

struct Sample {
    Body body;
    std::string asked;  // expected call of the filesystem
    bool fails = true;  // fails if the filesystem does
};

fuse_setattr_in truncation() {
    fuse_setattr_in in{};
    in.valid = FATTR_SIZE;
    in.size = 9;
    return in;
}

// A well-formed request of each kind, for inode 1.
std::map<std::uint32_t, Sample> samples() {
    const fuse_read_in list{.fh = 3, .size = 4096};
    const fuse_ioctl_in flags{.fh = 4, .cmd = FS_IOC_GETFLAGS, .out_size = 4};
    const fuse_fallocate_in allocate{.fh = 4, .offset = 5, .length = 6, .mode = 1};
    const fuse_copy_file_range_in copy{
        .fh_in = 4, .off_in = 1, .nodeid_out = 1, .fh_out = 5, .off_out = 2, .len = 3};
    const fuse_rename2_in rename2{.newdir = 2, .flags = 1};
    const fuse_getxattr_in room{.size = 100};
    const fuse_setxattr_in set{.size = 2, .flags = 1};
    return {
        {FUSE_LOOKUP, {Body().name("a"), "lookup 1 a"}},
        {FUSE_GETATTR, {Body().add(fuse_getattr_in{}), "getattr 1"}},
        {opcode_statx, {Body().data(std::string(24, '\0')), "getattr 1"}},
        {FUSE_SETATTR, {Body().add(truncation()), "setattr 1 8 0 9"}},
        {FUSE_READLINK, {Body(), "readlink 1"}},
        {FUSE_SYMLINK, {Body().name("a").name("to"), "make 1 a 120777 0 to"}},
        {FUSE_MKNOD,
         {Body().add(fuse_mknod_in{.mode = S_IFIFO | 0600, .rdev = 3}).name("a"),
          "make 1 a 10600 3 "}},
        {FUSE_MKDIR, {Body().add(fuse_mkdir_in{.mode = 0755}).name("a"), "make 1 a 40755 0 "}},
        {FUSE_UNLINK, {Body().name("a"), "unlink 1 a"}},
        {FUSE_RMDIR, {Body().name("a"), "rmdir 1 a"}},
        {FUSE_RENAME, {Body().add(fuse_rename_in{2}).name("a").name("b"), "rename 1 a 2 b 0"}},
        {FUSE_RENAME2, {Body().add(rename2).name("a").name("b"), "rename 1 a 2 b 1"}},
        {FUSE_LINK, {Body().add(fuse_link_in{9}).name("a"), "link 9 1 a"}},
        {FUSE_CREATE,
         {Body().add(fuse_create_in{.flags = O_RDWR, .mode = 0644}).name("a"),
          "create 1 a 100644 2"}},
        {FUSE_TMPFILE,
         {Body().add(fuse_create_in{.flags = O_RDWR, .mode = 0644}).name("a"),
          "create 1  100644 2"}},
        {FUSE_OPEN, {Body().add(fuse_open_in{.flags = O_RDONLY}), "open 1 0"}},
        {FUSE_READ, {Body().add(fuse_read_in{.fh = 4, .offset = 8, .size = 16}), "read 4 8 16"}},
        {FUSE_WRITE,
         {Body().add(fuse_write_in{.fh = 4, .offset = 8, .size = 3}).data("abc"), "write 4 8 3"}},
        {FUSE_FLUSH, {Body().add(fuse_flush_in{.fh = 4}), "flush 4"}},
        {FUSE_FSYNC, {Body().add(fuse_fsync_in{.fh = 4}), "fsync 4"}},
        {FUSE_RELEASE, {Body().add(fuse_release_in{.fh = 4}), "release 4", false}},
        {FUSE_FALLOCATE, {Body().add(allocate), "allocate 4 1 5 6"}},
        {FUSE_LSEEK,
         {Body().add(fuse_lseek_in{.fh = 4, .offset = 5, .whence = SEEK_DATA}), "seek 4 5 true"}},
        {FUSE_COPY_FILE_RANGE, {Body().add(copy), "copy 4 1 5 2 3"}},
        {FUSE_OPENDIR, {Body().add(fuse_open_in{}), "opendir 1"}},
        {FUSE_READDIR, {Body().add(list), "readdir 3 0 false"}},
        {FUSE_READDIRPLUS, {Body().add(list), "readdir 3 0 true"}},
        {FUSE_RELEASEDIR, {Body().add(fuse_release_in{.fh = 3}), "releasedir 3", false}},
        {FUSE_FSYNCDIR, {Body().add(fuse_fsync_in{.fh = 3}), "fsyncdir 1"}},
        {FUSE_STATFS, {Body(), "statfs"}},
        {FUSE_IOCTL, {Body().add(flags), "getattr 1"}},
        {FUSE_GETXATTR, {Body().add(room).name("user.a"), "getxattr 1 user.a"}},
        {FUSE_SETXATTR, {Body().add(set).name("user.a").data("vv"), "setxattr 1 user.a vv 1"}},
        {FUSE_LISTXATTR, {Body().add(room), "listxattr 1"}},
        {FUSE_REMOVEXATTR, {Body().name("user.a"), "removexattr 1 user.a"}},
    };
}

// Returns the names in a reply to readdir with their cookies; with `plus`, inode numbers too.
std::vector<std::string> listed(const std::string& body, bool plus) {
    std::vector<std::string> names;
    for (std::size_t at = 0; at < body.size();) {
        std::string line;
        if (plus) {
            fuse_entry_out entry;
            std::memcpy(&entry, body.data() + at, sizeof entry);
            line = fmt::format("{} ", entry.nodeid);
            at += sizeof entry;
        }
        fuse_dirent head;
        std::memcpy(&head, body.data() + at, FUSE_NAME_OFFSET);
        line += body.substr(at + FUSE_NAME_OFFSET, head.namelen);
        names.push_back(fmt::format("{} {}", line, head.off));
        at += FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + head.namelen);
    }
    return names;
}

vfs::Listed entry(std::string name, std::uint64_t cookie, wire::Ino ino) {
    return {std::move(name), cookie, {{.ino = ino, .mode = S_IFREG | 0644}, true}};
}

}  // namespace

TEST_CASE("every kind of request reaches the filesystem as it was meant and is answered once") {
    const auto all = samples();
    Served s;
    for (const Operation& row : all_operations()) {
        INFO(row.name);
        REQUIRE(all.contains(row.opcode));
        s.files.asked.clear();
        CHECK(s.ask(row.opcode, all.at(row.opcode).body).error == 0);
        REQUIRE(!s.files.asked.empty());
        CHECK(s.files.asked.front() == all.at(row.opcode).asked);
    }
}

TEST_CASE("an error of the filesystem is the errno of the reply, whatever was asked") {
    Served s;
    s.files.code = EDQUOT;
    for (const auto& [opcode, sample] : samples()) {
        INFO(operation(opcode)->name);
        const Reply reply = s.ask(opcode, sample.body);
        CHECK(reply.error == (sample.fails ? EDQUOT : 0));
        CHECK(reply.body.empty());
    }
}

TEST_CASE("a name that does not exist is an answer that the kernel may keep") {
    Served s;
    s.files.code = ENOENT;
    const Reply reply = s.ask(FUSE_LOOKUP, Body().name("a"));

    CHECK(reply.error == 0);
    CHECK(reply.head<fuse_entry_out>().nodeid == 0);
    CHECK(reply.head<fuse_entry_out>().entry_valid == 3600);
}

TEST_CASE("the kernel keeps nothing for longer than the lease lasts") {
    Served s;
    s.files.reliable = std::chrono::seconds(19);
    CHECK(s.ask(FUSE_LOOKUP, Body().name("a")).head<fuse_entry_out>().entry_valid == 19);
    CHECK(s.ask(FUSE_LOOKUP, Body().name("a")).head<fuse_entry_out>().attr_valid == 19);
    CHECK(s.ask(FUSE_GETATTR, Body().add(fuse_getattr_in{})).head<fuse_attr_out>().attr_valid ==
          19);
    s.files.code = ENOENT;
    CHECK(s.ask(FUSE_LOOKUP, Body().name("b")).head<fuse_entry_out>().entry_valid == 19);
    s.files.code = 0;

    s.files.reliable = Duration::zero();
    const auto entry = s.ask(FUSE_LOOKUP, Body().name("a")).head<fuse_entry_out>();
    CHECK(entry.entry_valid + entry.entry_valid_nsec == 0);
    CHECK(entry.attr_valid + entry.attr_valid_nsec == 0);
}

TEST_CASE("a request that is cut short anywhere, or full of noise, is answered once") {
    std::mt19937_64 random(7);
    Served s;
    for (const auto& [opcode, sample] : samples()) {
        INFO(operation(opcode)->name);
        const std::string whole = sample.body.bytes();
        std::vector<std::uint64_t> asked;
        for (std::size_t size = 0; size < whole.size(); ++size)
            asked.push_back(s.kernel.ask(opcode, whole.substr(0, size)));
        for (const std::uint64_t unique : asked) s.reply_to(unique);
        for (int i = 0; i < 20; ++i) {
            std::string noise(random() % 200, '\0');
            for (char& byte : noise) byte = char(random() % 4 ? random() : 0xff);
            s.reply_to(s.kernel.ask(opcode, noise));
        }
    }
}

TEST_CASE("a message without a whole header ends the channel, not the process") {
    Served s;
    s.kernel.send("short");

    CHECK(s.loop.run(s.server->ended()));
}

TEST_CASE("an opcode that nobody knows is ENOSYS") {
    Served s;
    for (const std::uint32_t opcode : {std::uint32_t(FUSE_POLL), 63u, 64u, 4096u, UINT32_MAX})
        CHECK(s.ask(opcode, Body().data("anything")).error == ENOSYS);
    CHECK(s.files.asked.empty());
}

TEST_CASE("without extended attributes their requests are ENOSYS, and others are served") {
    Served s({.xattrs = false});
    for (const auto& [opcode, sample] : samples()) {
        INFO(operation(opcode)->name);
        CHECK(s.ask(opcode, sample.body).error == (operation(opcode)->xattr ? ENOSYS : 0));
    }
}

TEST_CASE("an extended attribute's size is told without room, and too little room is ERANGE") {
    Served s;
    const auto get = [&](std::uint32_t room) {
        return s.ask(FUSE_GETXATTR, Body().add(fuse_getxattr_in{.size = room}).name("user.a"));
    };
    CHECK(get(0).head<fuse_getxattr_out>().size == 5);
    CHECK(get(4).error == ERANGE);
    CHECK(get(5).body == "value");
    CHECK(get(UINT32_MAX).body == "value");

    const auto list = [&](std::uint32_t room) {
        return s.ask(FUSE_LISTXATTR, Body().add(fuse_getxattr_in{.size = room}));
    };
    CHECK(list(0).head<fuse_getxattr_out>().size == 14);
    CHECK(list(13).error == ERANGE);
    CHECK(list(14).body == std::string("user.a\0user.b\0", 14));
    s.files.value.clear();
    CHECK(get(0).head<fuse_getxattr_out>().size == 0);
    CHECK(get(1).body.empty());
}

TEST_CASE("a value that is shorter than its size says is EINVAL, and nothing is set") {
    Served s;
    const fuse_setxattr_in in{.size = 3};

    CHECK(s.ask(FUSE_SETXATTR, Body().add(in).name("user.a").data("vv")).error == EINVAL);
    CHECK(s.ask(FUSE_WRITE, Body().add(fuse_write_in{.size = 3}).data("ab")).error == EINVAL);
    CHECK(s.files.asked.empty());
}

TEST_CASE("an unanswerable ioctl is ENOTTY, and one with room for a gigabyte is EINVAL") {
    Served s;
    const auto ask = [&](std::uint32_t cmd, std::uint32_t room) {
        return s.ask(FUSE_IOCTL, Body().add(fuse_ioctl_in{.cmd = cmd, .out_size = room})).error;
    };
    CHECK(ask(0x1234, 4) == ENOTTY);
    CHECK(ask(FS_IOC_GETFLAGS, 1 << 30) == EINVAL);
    CHECK(ask(FS_IOC_FSGETXATTR, UINT32_MAX) == EINVAL);
    CHECK(ask(FS_IOC_SETFLAGS, 0) == EINVAL);  // without the flags
}

TEST_CASE("a listing fills what the kernel has room for and goes on after the last cookie") {
    Served s;
    s.files.entries = {entry(".", 1, 1), entry("..", 2, 1), entry("first", 10, 8),
                       entry("second", 20, 9)};
    const auto list = [&](std::uint32_t opcode, std::uint64_t after, std::uint32_t room) {
        const Reply reply =
            s.ask(opcode, Body().add(fuse_read_in{.fh = 3, .offset = after, .size = room}));
        CHECK(reply.error == 0);
        CHECK(reply.body.size() <= room);
        return listed(reply.body, opcode == FUSE_READDIRPLUS);
    };
    using Names = std::vector<std::string>;
    CHECK(list(FUSE_READDIR, 0, 4096) == Names{". 1", ".. 2", "first 10", "second 20"});
    CHECK(list(FUSE_READDIR, 0, 3 * 32) == Names{". 1", ".. 2", "first 10"});
    CHECK(list(FUSE_READDIR, 10, 4096) == Names{"second 20"});
    CHECK(list(FUSE_READDIR, 20, 4096).empty());
    CHECK(list(FUSE_READDIRPLUS, 2, UINT32_MAX) == Names{"8 first 10", "9 second 20"});
    // The kernel takes no reference on these.
    CHECK(list(FUSE_READDIRPLUS, 0, 2 * (128 + 32)) == Names{"0 . 1", "0 .. 2"});
}

TEST_CASE("names of one cookie are not split between two replies") {
    Served s;
    s.files.entries = {entry("alone", 10, 8), entry("same1", 20, 9), entry("same2", 20, 10)};
    const auto reply = s.ask(FUSE_READDIR, Body().add(fuse_read_in{.fh = 3, .size = 2 * 32}));

    CHECK(listed(reply.body, false) == std::vector<std::string>{"alone 10"});
}

TEST_CASE("a large write arrives whole, and a partial one says how much was taken") {
    Served s;
    const std::string data(150'000, 'x');
    const Body body = Body().add(fuse_write_in{.fh = 4, .size = 150'000}).data(data);
    CHECK(s.ask(FUSE_WRITE, body).head<fuse_write_out>().size == data.size());
    CHECK(s.files.written == data);

    s.files.write_max = 100'000;
    CHECK(s.ask(FUSE_WRITE, body).head<fuse_write_out>().size == 100'000);
}

TEST_CASE("no more large writes are taken than may be unanswered, and small requests too wait") {
    Served s({.large_requests = 2});
    const std::string data(100'000, 'x');
    const Body body = Body().add(fuse_write_in{.fh = 4, .size = 100'000}).data(data);
    s.files.holds = true;
    std::vector<std::uint64_t> writes{s.kernel.ask(FUSE_WRITE, body.bytes()),
                                      s.kernel.ask(FUSE_WRITE, body.bytes())};
    CHECK(s.loop.run(s.files.until_waiting(2)));
    const std::uint64_t third = s.kernel.ask(FUSE_GETATTR, {});
    CHECK(s.loop.run(s.loop.sleep(std::chrono::milliseconds(5))));  // it could be read by now
    CHECK(s.files.asked.size() == 2);

    s.files.let_go();
    for (const std::uint64_t unique : writes) CHECK(s.reply_to(unique).error == 0);
    CHECK(s.reply_to(third).error == 0);
}

TEST_CASE("the kernel writes back mapped pages before a time is set, but not in a truncation") {
    Served s;
    const auto notices = [&](std::uint32_t flags, std::uint32_t valid) {
        fuse_open_in opening{};
        opening.flags = flags;
        CHECK(s.ask(FUSE_OPEN, Body().add(opening)).error == 0);
        fuse_setattr_in change{};
        change.valid = valid;
        CHECK(s.ask(FUSE_SETATTR, Body().add(change)).error == 0);
        CHECK(s.ask(FUSE_RELEASE, Body().add(fuse_release_in{.fh = 4})).error == 0);
        return std::exchange(s.kernel.replies(0), {}).size();  // notifications have no number
    };

    CHECK(notices(O_RDWR, FATTR_MTIME) == 1);
    CHECK(notices(O_RDWR, FATTR_MODE) == 0);
    CHECK(notices(O_RDWR, FATTR_MTIME | FATTR_SIZE) == 0);
    CHECK(notices(O_WRONLY, FATTR_MTIME) == 0);
}

TEST_CASE("forget requests get no reply, and a count that is too high ends with the list") {
    Served s;
    const std::uint64_t one = s.kernel.ask(FUSE_FORGET, Body().add(fuse_forget_in{1}).bytes(), 5);
    const std::uint64_t many =
        s.kernel.ask(FUSE_BATCH_FORGET, Body()
                                            .add(fuse_batch_forget_in{.count = UINT32_MAX})
                                            .add(fuse_forget_one{6, 1})
                                            .add(fuse_forget_one{7, 1})
                                            .bytes());
    s.settle();

    CHECK(s.files.asked == std::vector<std::string>{"forget 5", "forget 6", "forget 7"});
    CHECK(s.kernel.replies(one).empty());
    CHECK(s.kernel.replies(many).empty());
}

TEST_CASE("an interrupted request that waits ends with EINTR, once, and others go on waiting") {
    Served s;
    s.files.holds = true;
    const std::uint64_t first = s.kernel.ask(FUSE_FSYNC, Body().add(fuse_fsync_in{}).bytes());
    const std::uint64_t second = s.kernel.ask(FUSE_FSYNC, Body().add(fuse_fsync_in{}).bytes());
    for (const std::uint64_t target : {first, first, std::uint64_t(12345)})
        s.kernel.ask(FUSE_INTERRUPT, Body().add(fuse_interrupt_in{target}).bytes());

    CHECK(s.reply_to(first).error == EINTR);
    CHECK(s.kernel.replies(second).empty());
    s.files.let_go();
    CHECK(s.reply_to(second).error == 0);
    s.settle();
    CHECK(s.kernel.replies(first).size() == 1);
}

TEST_CASE("an interrupt that comes too late changes nothing") {
    Served s;
    const std::uint64_t done = s.kernel.ask(FUSE_GETATTR, {});
    CHECK(s.reply_to(done).error == 0);
    s.kernel.ask(FUSE_INTERRUPT, Body().add(fuse_interrupt_in{done}).bytes());
    s.settle();

    CHECK(s.kernel.replies(done).size() == 1);
}

TEST_CASE("requests under way end with EINTR when the server is closed, each once") {
    Served s;
    s.files.holds = true;
    const std::uint64_t read = s.kernel.ask(FUSE_READ, Body().add(fuse_read_in{.size = 8}).bytes());
    const std::uint64_t sync = s.kernel.ask(FUSE_FSYNC, Body().add(fuse_fsync_in{}).bytes());
    CHECK(s.loop.run(s.files.until_waiting(2)));

    CHECK(s.loop.run(s.server->close()));
    CHECK(s.reply_to(read).error == EINTR);
    CHECK(s.reply_to(sync).error == EINTR);
}

TEST_CASE("an unmount with requests under way ends the server, and what waits can still end") {
    Served s;
    s.files.holds = true;
    s.kernel.ask(FUSE_FSYNC, Body().add(fuse_fsync_in{}).bytes());
    CHECK(s.loop.run(s.files.until_waiting(1)));
    s.watching.reset();
    s.kernel.hang_up();

    CHECK(s.loop.run(s.server->ended()));
    CHECK(code_of(s.loop.run(s.server->ready())) == ENODEV);
    CHECK(s.files.waiting == 1);
    CHECK(s.loop.run(s.server->close()));
    CHECK(s.files.waiting == 0);
}

TEST_CASE("a mount that is cut off refuses requests, also while it waits for those under way") {
    Served s;
    s.server->abort();
    CHECK(s.loop.run(s.server->ended()));

    CHECK(s.ask(FUSE_GETATTR, {}).error == ENOTCONN);
    CHECK(s.files.asked.empty());
}

TEST_CASE("a kernel too old is refused with EPROTO and a sentence") {
    Served s;
    const fuse_init_in old{.major = FUSE_KERNEL_VERSION, .minor = protocol_minor_least - 1};

    CHECK(s.ask(FUSE_INIT, Body().add(old)).error == EPROTO);
    const auto ready = s.loop.run(s.server->ready());
    CHECK(code_of(ready) == EPROTO);
    CHECK(ready.error().context.find("the kernel speaks FUSE 7.35") == 0);
}

TEST_CASE("the agreement with the kernel has only features that it offers") {
    Served s;
    fuse_init_in in{.major = FUSE_KERNEL_VERSION, .minor = protocol_minor + 5};
    in.flags = FUSE_ASYNC_READ | FUSE_WRITEBACK_CACHE | FUSE_MAX_PAGES;
    const auto out = s.ask(FUSE_INIT, Body().add(in)).head<fuse_init_out>();

    CHECK(out.minor == protocol_minor);
    CHECK(out.flags == (FUSE_ASYNC_READ | FUSE_MAX_PAGES));
    CHECK(out.max_write == data_bytes_max);
    CHECK(s.server->negotiated().features == out.flags);
}

}  // namespace flexfs::fuse
