// A filesystem that records its calls and answers as a test wants, and a kernel at the other end of
// the channel.
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "lib/base/format.h"
#include "lib/fuse/server.h"

namespace flexfs::fuse {

class FakeFilesystem final : public vfs::Filesystem {
    using Ino = wire::Ino;

public:
    // The operations that were asked for, such as "rename 1 a 2 b 0", in order.
    std::vector<std::string> asked;
    int code = 0;        // unless 0, every request fails with it
    bool holds = false;  // requests wait until they are stopped or let_go() is called
    std::vector<vfs::Listed> entries;
    std::string value = "value";  // of every extended attribute and link, and all data
    wire::Attr attr{.ino = 7, .mode = S_IFREG | 0644, .nlink = 1, .size = 5};
    std::string written;
    std::size_t write_max = SIZE_MAX;
    std::size_t waiting = 0;
    Duration reliable = Duration::max();

    void let_go() {
        holds = false;
        held_.wake_all();
    }

    Task<void> until_waiting(std::size_t count) {
        while (waiting < count) co_await came_.wait();
    }

    Task<void> flush_all() override { return ask("flush_all"); }
    Task<std::vector<std::string>> store_written() override {
        co_return std::vector<std::string>();
    }
    std::vector<vfs::UnstoredFile> unstored(std::size_t) const override { return {}; }
    vfs::HandedOver hand_over() const override { return {}; }
    void end_handles() override {}
    Task<void> close(AtClose) override { return ask("close"); }
    void set_access_times(vfs::AccessTimes, bool) override {}
    const wire::VolumeInfo& volume() const override { return volume_; }
    vfs::State state() const override { return {}; }
    Duration reliable_for() const override { return reliable; }

    Task<vfs::Known> lookup(Ino parent, std::string name, vfs::Who) override {
        return known(fmt::format("lookup {} {}", parent, name));
    }
    Task<vfs::Known> getattr(Ino ino) override { return known(fmt::format("getattr {}", ino)); }
    Task<vfs::Known> setattr(Ino ino, std::uint32_t mask, wire::Attr to, vfs::Who) override {
        return known(fmt::format("setattr {} {:x} {:o} {}", ino, mask, to.mode, to.size));
    }
    Task<std::string> readlink(Ino ino) override {
        co_await ask(fmt::format("readlink {}", ino));
        co_return value;
    }
    Task<vfs::Known> make(Ino parent, std::string name, std::uint32_t mode, std::uint64_t rdev,
                          std::string target, vfs::Who, std::uint32_t) override {
        return known(fmt::format("make {} {} {:o} {} {}", parent, name, mode, rdev, target));
    }
    Task<vfs::Known> link(Ino ino, Ino parent, std::string name, vfs::Who) override {
        return known(fmt::format("link {} {} {}", ino, parent, name));
    }
    Task<void> unlink(Ino parent, std::string name, vfs::Who) override {
        return ask(fmt::format("unlink {} {}", parent, name));
    }
    Task<void> rmdir(Ino parent, std::string name, vfs::Who) override {
        return ask(fmt::format("rmdir {} {}", parent, name));
    }
    Task<void> rename(Ino parent, std::string name, Ino new_parent, std::string new_name,
                      std::uint32_t flags, vfs::Who) override {
        return ask(fmt::format("rename {} {} {} {} {}", parent, name, new_parent, new_name, flags));
    }
    const wire::Attr* last_known(Ino) override { return &attr; }
    void forget(Ino ino) override { asked.push_back(fmt::format("forget {}", ino)); }

    Task<vfs::OpenedDirectory> opendir(Ino ino, vfs::Who) override {
        co_await ask(fmt::format("opendir {}", ino));
        co_return vfs::OpenedDirectory{.handle = 3};
    }
    Task<std::vector<vfs::Listed>> readdir(vfs::HandleId handle, std::uint64_t cookie,
                                           bool plus) override {
        co_await ask(fmt::format("readdir {} {} {}", handle, cookie, plus));
        std::vector<vfs::Listed> rest;
        for (const vfs::Listed& entry : entries)
            if (entry.cookie > cookie) rest.push_back(entry);
        co_return rest;
    }
    void releasedir(vfs::HandleId handle) override {
        asked.push_back(fmt::format("releasedir {}", handle));
    }

    Task<vfs::Opened> create(Ino parent, std::string name, std::uint32_t mode, int flags, vfs::Who,
                             std::uint32_t, vfs::Kill) override {
        auto node = co_await known(fmt::format("create {} {} {:o} {}", parent, name, mode, flags));
        co_return vfs::Opened{.node = node, .handle = 4};
    }
    Task<vfs::Opened> open(Ino ino, int flags, vfs::Who, vfs::Kill) override {
        auto node = co_await known(fmt::format("open {} {}", ino, flags));
        co_return vfs::Opened{.node = node, .handle = 4};
    }
    Task<std::vector<Buffer>> read(vfs::HandleId handle, std::uint64_t offset,
                                   std::size_t size) override {
        co_await ask(fmt::format("read {} {} {}", handle, offset, size));
        std::vector<Buffer> pieces;
        pieces.push_back(Buffer::copy_of(value.substr(0, size)));
        co_return pieces;
    }
    Task<std::size_t> write(vfs::HandleId handle, std::uint64_t offset, Buffer data, bool,
                            vfs::Kill) override {
        co_await ask(fmt::format("write {} {} {}", handle, offset, data.size()));
        written = std::string(data.text());
        co_return std::min(write_max, data.size());
    }
    Task<void> flush(vfs::HandleId handle) override { return ask(fmt::format("flush {}", handle)); }
    Task<void> fsync(vfs::HandleId handle) override { return ask(fmt::format("fsync {}", handle)); }
    Task<void> allocate(vfs::HandleId handle, std::uint32_t mode, std::uint64_t offset,
                        std::uint64_t length, vfs::Kill) override {
        return ask(fmt::format("allocate {} {} {} {}", handle, mode, offset, length));
    }
    Task<std::uint64_t> seek(vfs::HandleId handle, std::uint64_t offset, bool data) override {
        co_await ask(fmt::format("seek {} {} {}", handle, offset, data));
        co_return offset + 1;
    }
    Task<vfs::UncertainHole> uncertain_hole(vfs::HandleId, std::uint64_t, bool) override {
        co_return vfs::UncertainHole{};
    }
    Task<std::uint64_t> copy(vfs::HandleId from, std::uint64_t from_offset, vfs::HandleId to,
                             std::uint64_t offset, std::uint64_t length, vfs::Kill) override {
        co_await ask(fmt::format("copy {} {} {} {} {}", from, from_offset, to, offset, length));
        co_return length;
    }
    void release(vfs::HandleId handle) override {
        asked.push_back(fmt::format("release {}", handle));
    }
    Task<void> fsyncdir(Ino ino) override { return ask(fmt::format("fsyncdir {}", ino)); }

    Task<Buffer> getxattr(Ino ino, std::string name, vfs::Who) override {
        co_await ask(fmt::format("getxattr {} {}", ino, name));
        co_return Buffer::copy_of(value);
    }
    Task<void> setxattr(Ino ino, std::string name, Buffer to, std::uint32_t flags, vfs::Who,
                        bool) override {
        return ask(fmt::format("setxattr {} {} {} {}", ino, name, to.text(), flags));
    }
    Task<std::vector<std::string>> listxattr(Ino ino) override {
        co_await ask(fmt::format("listxattr {}", ino));
        co_return std::vector<std::string>{"user.a", "user.b"};
    }
    Task<void> removexattr(Ino ino, std::string name, vfs::Who) override {
        return ask(fmt::format("removexattr {} {}", ino, name));
    }
    Task<Space> statfs() override {
        co_await ask("statfs");
        co_return Space{.total_bytes = 1 << 20, .free_bytes = 1 << 19};
    }

private:
    Task<void> ask(std::string what) {
        asked.push_back(std::move(what));
        if (holds) {
            ++waiting;
            came_.wake_all();
            auto outcome = co_await result(held_.wait());
            --waiting;
            co_await std::move(outcome);
        }
        if (code != 0) co_await fail(code);
    }
    Task<vfs::Known> known(std::string what) {
        co_await ask(std::move(what));
        co_return vfs::Known{attr, true};
    }

    wire::VolumeInfo volume_;
    task::WaitList held_;
    task::WaitList came_;
};

// The bytes of a request's body, added piece by piece.
class Body {
public:
    template <class T>
    Body& add(const T& value) {
        bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
        return *this;
    }
    Body& name(std::string_view name) {
        bytes_.append(name).push_back('\0');
        return *this;
    }
    Body& data(std::string_view data) {
        bytes_.append(data);
        return *this;
    }
    const std::string& bytes() const { return bytes_; }

private:
    std::string bytes_;
};

struct Reply {
    int error = 0;
    std::string body;

    template <class T>
    T head() const {
        T value{};
        REQUIRE(body.size() >= sizeof value);
        std::memcpy(&value, body.data(), sizeof value);
        return value;
    }
};

// The kernel's end of the channel. It keeps message boundaries, as /dev/fuse does.
class Kernel final : public loop::Pollable {
public:
    Kernel() {
        check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends_) == 0);
    }
    ~Kernel() override { hang_up(); }

    int servers_end() const { return ends_[1]; }  // its owner closes it
    int descriptor() const override { return ends_[0]; }
    bool wanted() override { return !gone_; }
    bool poll() override {
        std::string packet(1 << 18, '\0');
        const ssize_t size = ::read(ends_[0], packet.data(), packet.size());
        if (size < ssize_t(sizeof(fuse_out_header))) {
            gone_ |= size == 0;
            return false;
        }
        const auto header = load_le<fuse_out_header>(as_bytes(packet).data());
        CHECK(header.len == size);
        replies_[header.unique].push_back(
            {-header.error, packet.substr(sizeof header, std::size_t(size) - sizeof header)});
        came_.wake_all();
        return true;
    }

    // Returns the request's number.
    std::uint64_t ask(std::uint32_t opcode, const std::string& body, wire::Ino ino = 1) {
        const fuse_in_header header{.len = std::uint32_t(sizeof header + body.size()),
                                    .opcode = opcode,
                                    .unique = ++last_,
                                    .nodeid = ino};
        send(std::string(reinterpret_cast<const char*>(&header), sizeof header) + body);
        return last_;
    }
    void send(const std::string& packet) {
        REQUIRE(::write(ends_[0], packet.data(), packet.size()) == ssize_t(packet.size()));
    }
    std::vector<Reply>& replies(std::uint64_t unique) { return replies_[unique]; }
    Task<void> answered(std::uint64_t unique) {
        while (replies_[unique].empty()) co_await came_.wait();
    }
    // Closes the channel, as umount does.
    void hang_up() {
        if (ends_[0] >= 0) ::close(std::exchange(ends_[0], -1));
        gone_ = true;
    }

private:
    int ends_[2];
    bool gone_ = false;
    std::uint64_t last_ = 0;
    std::map<std::uint64_t, std::vector<Reply>> replies_;
    task::WaitList came_;
};

// A server between the kernel and the filesystem.
struct Served {
    Loop loop;
    FakeFilesystem files;
    Notifier notifier;
    metrics::Registry metrics;
    Kernel kernel;
    std::unique_ptr<Loop::Registration> watching = loop.watch(kernel);
    std::unique_ptr<Server> server;

    explicit Served(ServerOptions options = {})
        : server(std::make_unique<Server>(loop, kernel.servers_end(), files, notifier, metrics,
                                          std::move(options))) {}
    ~Served() { CHECK(loop.run(server->close())); }

    Reply reply_to(std::uint64_t unique) {
        CHECK(loop.run(kernel.answered(unique)));
        REQUIRE(kernel.replies(unique).size() == 1);
        return kernel.replies(unique).front();
    }
    Reply ask(std::uint32_t opcode, const Body& body, wire::Ino ino = 1) {
        return reply_to(kernel.ask(opcode, body.bytes(), ino));
    }
    // Returns when all requests sent before are answered; none of them may wait.
    void settle() {
        ask(FUSE_STATFS, {});
        files.asked.pop_back();
    }
};

}  // namespace flexfs::fuse
