// A served volume with a store in memory and clients on it, all in this process. The clients reach
// the service directly, over a unix socket, or over TCP through a relay that misbehaves on demand.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/object/memory_store.h"
#include "lib/rpc/relay_test.h"
#include "lib/rpc/server.h"
#include "lib/service/door.h"
#include "lib/upkeep/housekeeper.h"
#include "lib/vfs/vfs.h"

namespace flexfs::vfs {

// A store that fails on demand.
class TestStore final : public object::Store {
public:
    object::MemoryStore inner;
    int fail_put = 0;  // the nth put from now fails, and with `lasting` all after it
    bool lasting = false;
    int put_code = EIO;
    bool lose = false;  // gets fail with ENOENT
    bool flip = false;  // gets return data with one wrong bit
    bool hold = false;  // puts wait until let_go()
    int puts = 0, gets = 0;
    Space disk = {};  // the answer of space()

    void let_go() {
        hold = false;
        held_.wake_all();
    }
    Task<void> put(std::string key, std::vector<Buffer> pieces) override {
        ++puts;
        if (fail_put > 0 && --fail_put == 0) {
            if (lasting) fail_put = 1;
            return refuse(put_code);
        }
        return held_put(std::move(key), std::move(pieces));
    }
    Task<Buffer> get(std::string key, std::uint64_t offset, std::size_t size) override {
        ++gets;
        Buffer data = co_await inner.get(std::move(key), offset, size);
        if (lose) co_return fail(ENOENT);
        if (!flip) co_return data;
        std::vector<std::byte> bytes(data.view().begin(), data.view().end());
        bytes[bytes.size() / 2] ^= std::byte{1};
        co_return Buffer::take(std::move(bytes));
    }
    Task<Buffer> get(std::string key) override { return inner.get(std::move(key)); }
    Task<std::uint64_t> size(std::string key) override { return inner.size(std::move(key)); }
    Task<void> remove(std::vector<std::string> keys) override {
        return inner.remove(std::move(keys));
    }
    Task<object::Page> list(std::string prefix, std::string after, std::size_t limit) override {
        return inner.list(std::move(prefix), std::move(after), limit);
    }
    Task<Space> space() override { co_return disk; }
    object::Counters counters() const override { return inner.counters(); }
    std::string describe() const override { return "test"; }

private:
    task::WaitList held_;

    static Task<void> refuse(int code) { co_await fail(code, "the store was told to fail"); }
    Task<void> held_put(std::string key, std::vector<Buffer> pieces) {
        while (hold) co_await held_.wait();
        co_await inner.put(std::move(key), std::move(pieces));
    }
};

struct Dropped final : KernelCaches {
    std::vector<Ino> attributes, data;
    std::vector<std::string> entries;
    std::function<void()> walk;
    void on_overflow(std::function<void()> wanted) override { walk = std::move(wanted); }
    void drop_attributes(Ino ino) override { attributes.push_back(ino); }
    void drop_attributes_now(Ino ino) override { attributes.push_back(ino); }
    void drop_data(Ino ino) override { data.push_back(ino); }
    void drop_entry(Ino, const std::string& name) override { entries.push_back(name); }
};

enum class Transport { in_process, unix_socket, tcp };

// The transport of Worlds that do not choose one: that of the test case, see EVERYWHERE.
inline Transport transport_of_case = Transport::in_process;

// A TEST_CASE that runs over each transport.
#define EVERYWHERE_AS(function, name)                                                    \
    static void function();                                                              \
    TEST_CASE(name) {                                                                    \
        for (const Transport transport :                                                 \
             {Transport::in_process, Transport::unix_socket, Transport::tcp}) {          \
            CAPTURE(int(transport));                                                     \
            const TransportOfCase now(transport);                                        \
            function();                                                                  \
        }                                                                                \
    }                                                                                    \
    static void function()
#define EVERYWHERE(name) EVERYWHERE_AS(DOCTEST_ANONYMOUS(everywhere_), name)

struct TransportOfCase {
    explicit TransportOfCase(Transport transport) { transport_of_case = transport; }
    ~TransportOfCase() { transport_of_case = Transport::in_process; }
};

// One mount.
struct Peer {
    cache::Budget budget;
    Dropped dropped;
    std::unique_ptr<Filesystem> client;

    Peer(std::uint64_t memory, std::uint64_t dirty) : budget(memory, dirty) {}
    Filesystem* operator->() const { return client.get(); }
};

struct Setup {
    std::uint32_t block_bytes = 256 << 10;
    std::uint32_t inline_bytes = 8 << 10;
    wire::Compression compression = wire::Compression::lz4;
    std::uint64_t memory = 64 << 20;
    std::uint64_t dirty = 16 << 20;
    Duration dirty_age = std::chrono::hours(1);  // tests start write-back themselves
    bool flush_on_close = false;
    bool read_only = false;
    bool sync_always = false;  // the service syncs every change before it answers
    std::uint64_t max_blocks = 0;
    std::uint64_t max_inodes = 0;
    Transport transport = transport_of_case;
    Duration lease = std::chrono::seconds(20);
    Duration linger = std::chrono::hours(1);
    std::uint64_t relay_seed = 1;
};

struct World {
    Setup setup;
    std::string folder;
    Loop loop;
    TestStore store;
    std::unique_ptr<meta::Volume> volume;
    std::unique_ptr<service::Service> service;
    std::unique_ptr<service::Door> door;
    std::unique_ptr<rpc::Server<wire::Metadata>> server;
    std::unique_ptr<rpc::Relay> relay;
    std::unique_ptr<upkeep::Housekeeper> housekeeper;
    std::vector<std::unique_ptr<Peer>> peers;

    explicit World(Setup wanted = {}) : setup(wanted) {
        char name[] = "/tmp/flexfs-vfs-XXXXXX";
        folder = ::mkdtemp(name);
        start();
    }
    ~World() {
        stop();
        std::filesystem::remove_all(folder);
    }

    void start() {
        meta::Options options;
        options.path = folder + "/meta.db";
        options.info.id = "v";
        options.info.block_bytes = setup.block_bytes;
        options.info.inline_bytes = setup.inline_bytes;
        options.info.compression = setup.compression;
        options.info.max_blocks = setup.max_blocks;
        options.info.max_inodes = setup.max_inodes;
        auto opened = meta::Volume::open(options);
        REQUIRE(code_of(opened) == 0);
        volume = std::move(*opened);
        service::Options of_service;
        of_service.sync_always = setup.sync_always;
        of_service.lease = setup.lease;
        of_service.linger = setup.linger;
        if (is_remote()) of_service.grace = setup.lease;
        service = std::make_unique<service::Service>(loop, *volume, of_service);
        housekeeper = std::make_unique<upkeep::Housekeeper>(loop, *service, *volume, store);
        door = std::make_unique<service::Door>();
        REQUIRE(door->add(*service));
        if (is_remote()) listen();
    }
    // Does all upkeep that is due, now.
    void upkeep() {
        run(service->maintain());
        run(housekeeper->run());
    }
    bool is_remote() const { return setup.transport != Transport::in_process; }
    void listen() {
        server = std::make_unique<rpc::Server<wire::Metadata>>(loop, *door);
        const bool tcp = setup.transport == Transport::tcp;
        REQUIRE(server->listen(tcp ? "127.0.0.1:0" : "unix:" + folder + "/socket"));
        if (!tcp) return;
        if (!relay) relay = std::make_unique<rpc::Relay>(loop, setup.relay_seed);
        relay->lead_to(server->addresses()[0]);
    }
    // Ends the server process without notice to its clients. start() brings up a new one.
    void kill_server() {
        if (relay) relay->lead_to({});
        if (server) static_cast<void>(loop.run(server->close()));
        server.reset();
        static_cast<void>(loop.run(housekeeper->close()));
        static_cast<void>(loop.run(service->close()));
        housekeeper.reset();
        door.reset();
        service.reset();
        volume.reset();
    }
    std::unique_ptr<rpc::Caller<wire::Metadata>> connect(rpc::Client<wire::Metadata>& client,
                                                         std::string address = {}) {
        if (!address.empty())
            return std::make_unique<rpc::Caller<wire::Metadata>>(loop, address, client);
        if (!is_remote()) return std::make_unique<rpc::Caller<wire::Metadata>>(*door, client);
        return std::make_unique<rpc::Caller<wire::Metadata>>(
            loop, relay ? relay->address() : server->addresses()[0], client);
    }
    // Waits until every client has received what the service has pushed to it so far.
    void let_pushes_arrive() {
        if (!is_remote()) return;
        for (auto& peer : peers)
            if (peer->client) static_cast<void>(loop.run(peer->client->readlink(wire::root_ino)));
    }
    // Unmounts every client and stops the service, without errors. Fails if the volume is
    // inconsistent.
    void stop() {
        for (auto& peer : peers)
            if (peer->client) unmount(*peer);
        peers.clear();
        if (relay) run(relay->close());
        relay.reset();
        if (server) run(server->close());
        server.reset();
        run(housekeeper->close());
        run(service->close());
        housekeeper.reset();
        door.reset();
        service.reset();
        const auto wrong = volume->verify().value();
        for (const std::string& what : wrong) FAIL_CHECK(what);
        volume.reset();
    }
    void unmount(Peer& peer) {
        const auto closed = loop.run(peer.client->close());
        if (!closed) MESSAGE("close: ", closed.error().message());
        peer.client.reset();
    }
    Peer& mount(std::optional<HandedOver> from = {}) { return mount_at({}, std::move(from)); }
    // Mounts at `address` instead of the World's own; empty: at the World's own.
    Peer& mount_at(std::string address, std::optional<HandedOver> from = {}) {
        auto peer = std::make_unique<Peer>(setup.memory, setup.dirty);
        Options options;
        options.dirty_age_max = setup.dirty_age;
        options.flush_on_close = setup.flush_on_close;
        options.read_only = setup.read_only;
        options.volume = "v";
        const Connect reach = [this, address](rpc::Client<wire::Metadata>& client) {
            return connect(client, address);
        };
        auto opened = loop.run(Filesystem::open(loop, reach, store, peer->budget, options,
                                                &peer->dropped, std::move(from)));
        REQUIRE(code_of(opened) == 0);
        peer->client = std::move(*opened);
        peers.push_back(std::move(peer));
        return *peers.back();
    }

    // Returns the task's value; an error fails the test.
    template <class T>
    T run(Task<T> task) {
        auto outcome = loop.run(std::move(task));
        if (outcome) let_pushes_arrive();
        if (!outcome) FAIL(outcome.error().message());
        if constexpr (!std::is_void_v<T>) return std::move(*outcome);
    }
    template <class T>
    int code(Task<T> task) {
        const int code = code_of(loop.run(std::move(task)));
        let_pushes_arrive();
        return code;
    }

    Opened create(Peer& peer, const std::string& name, int flags = O_RDWR | O_CREAT) {
        return run(peer->create(wire::root_ino, name, 0644, flags, Who{}));
    }
    Opened open(Peer& peer, const std::string& name, int flags = O_RDWR) {
        const Known known = run(peer->lookup(wire::root_ino, name));
        return run(peer->open(known.attr.ino, flags));
    }
    void write(Peer& peer, HandleId handle, std::uint64_t offset, const std::string& text) {
        run(peer->write(handle, offset, Buffer::copy_of(text), false, false));
    }
    std::string read(Peer& peer, HandleId handle, std::uint64_t offset = 0,
                     std::size_t size = 16 << 20) {
        std::string text;
        for (const Buffer& piece : run(peer->read(handle, offset, size))) text += piece.text();
        return text;
    }
    // Unmounts the peer, mounts again, and returns what the new mount reads.
    std::string read_after(Peer& peer, const std::string& name) {
        unmount(peer);
        Peer& next = mount();
        return read(next, open(next, name).handle);
    }
    std::uint64_t size(Peer& peer, const std::string& name) {
        return run(peer->lookup(wire::root_ino, name)).attr.size;
    }
    // Bytes that the file uses: of data, or reserved.
    std::uint64_t used(Peer& peer, const Opened& file) {
        return run(peer->getattr(file.node.attr.ino)).attr.used;
    }
    Task<void> set_size(Peer& peer, Ino ino, std::uint64_t size) {
        Attr attr;
        attr.size = size;
        co_await peer->setattr(ino, wire::set_size, attr, Who{});
    }
};

// Text that depends on its position, so that misplaced bytes are noticed. It compresses well.
inline std::string pattern(std::size_t bytes, unsigned salt = 0) {
    std::string text(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i)
        text[i] = char('a' + (i * 7 + i / 251 + i / 65536 * 3 + salt) % 26);
    return text;
}
// Text that does not compress.
std::string noise(std::size_t bytes, std::uint64_t seed);

}  // namespace flexfs::vfs
