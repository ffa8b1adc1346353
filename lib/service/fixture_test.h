// A service over a volume in a temporary folder, a store in memory, and clients that the test
// controls.
#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/format.h"
#include "lib/block/segment.h"
#include "lib/loop/loop.h"
#include "lib/object/memory_store.h"
#include "lib/service/service.h"
#include "lib/task/scope.h"

namespace flexfs::service {

using wire::Grant;
using wire::Ino;

// Everything that the clients of one test receive, in order:
// "b: revoke 5 entry x", "b: recall 7 none", "a: made".
using Story = std::vector<std::string>;

struct Client final : rpc::Pusher<wire::Metadata> {
    Client(rpc::Service<wire::Metadata>& service, std::string called, Story& told)
        : name(std::move(called)), story(told), handler(service.connected(*this)) {}

    rpc::Reach reach() const override {
        return local ? rpc::Reach::in_process : rpc::Reach::over_socket;
    }
    void disconnect(std::string) override { disconnected = true; }
    void push(wire::Revoke m) override {
        std::string line = fmt::format("{}: revoke {}", name, m.ino);
        const std::pair<std::uint32_t, const char*> names[] = {{wire::revoke_attr, " attr"},
                                                               {wire::revoke_data, " data"},
                                                               {wire::revoke_entry, " entry"},
                                                               {wire::revoke_xattr, " xattr"},
                                                               {wire::revoke_orphan, " orphan"}};
        for (const auto& [bit, what] : names)
            if (m.what & bit) line += what;
        if (!m.name.empty()) line += " " + m.name;
        story.push_back(line);
    }
    void push(wire::Recall m) override {
        recalls.push_back(m);
        const char* keep = m.keep == Grant::none ? "none" : "shared";
        story.push_back(fmt::format("{}: recall {} {}", name, m.ino, keep));
    }

    template <class R>
    Task<typename R::Reply> call(R request) {
        return handler->handle({local ? 0 : ++sequence, 0}, std::move(request));
    }

    std::string name;
    Story& story;
    bool local = false;
    bool disconnected = false;
    std::uint64_t sequence = 0;
    wire::SessionId session = 0;
    std::vector<wire::Recall> recalls;
    std::unique_ptr<rpc::Handler<wire::Metadata>> handler;
};

// A store in memory that reports removals and fails or corrupts data if a test asks for it.
struct WatchedStore final : object::Store {
    object::MemoryStore inner;
    std::function<void(const std::string&)> on_remove;
    bool removes_fail = false;
    bool gets_fail = false;
    bool spoils = false;  // flips a bit in the middle of reads of 1000 bytes or more

    Task<void> put(std::string key, std::vector<Buffer> pieces) override {
        return inner.put(std::move(key), std::move(pieces));
    }
    Task<Buffer> get(std::string key, std::uint64_t offset, std::size_t size) override {
        if (gets_fail) co_await fail(EIO, "the store is away");
        Buffer data = co_await inner.get(std::move(key), offset, size);
        if (!spoils || size < 1000) co_return data;
        std::string bytes(data.text());
        bytes[bytes.size() / 2] ^= 1;
        co_return Buffer::take(std::move(bytes));
    }
    Task<Buffer> get(std::string key) override { return inner.get(std::move(key)); }
    Task<std::uint64_t> size(std::string key) override { return inner.size(std::move(key)); }
    Task<void> remove(std::vector<std::string> keys) override {
        if (removes_fail) co_await fail(EIO, "the store is away");
        for (const std::string& key : keys)
            if (on_remove) on_remove(key);
        co_await inner.remove(std::move(keys));
    }
    Task<object::Page> list(std::string prefix, std::string after, std::size_t limit) override {
        return inner.list(std::move(prefix), std::move(after), limit);
    }
    Task<Space> space() override { return inner.space(); }
    object::Counters counters() const override { return inner.counters(); }
    std::string describe() const override { return inner.describe(); }
};

struct Fixture {
    std::string folder;
    Options options;
    meta::Options volume_options;
    Loop loop;
    WatchedStore store;
    std::unique_ptr<meta::Volume> volume;
    std::unique_ptr<Service> service;
    Story story;
    std::vector<std::unique_ptr<Client>> clients;
    Scope scope;  // holds the requests that a test lets wait
    Time now = 1000;
    std::map<wire::SessionId, Buffer> secrets;  // by session, as sent to clients
    std::uint64_t attempts = 0;

    explicit Fixture(Options wanted = {}) : options(std::move(wanted)) {
        char name[] = "/tmp/flexfs-service-XXXXXX";
        folder = ::mkdtemp(name);
        volume_options.path = folder + "/meta.db";
        volume_options.info.id = "v";
        options.clock = [this] { return now; };
        open();
    }
    ~Fixture() {
        close();
        std::filesystem::remove_all(folder);
    }

    void open() {
        auto opened = meta::Volume::open(volume_options);
        REQUIRE_MESSAGE(opened, opened.error().message());
        volume = std::move(*opened);
        service = std::make_unique<Service>(loop, *volume, options);
    }
    void close() {
        static_cast<void>(loop.run(scope.close()));
        static_cast<void>(loop.run(service->close()));
        clients.clear();
        service.reset();
        const auto wrong = volume->verify().value();
        for (const std::string& what : wrong) FAIL_CHECK(what);
        volume.reset();
    }
    // Closes and opens the service again, as a new process would; the clients are gone.
    void restart() {
        close();
        open();
    }

    // A connected client, without a session.
    Client& connect(const std::string& name, bool local = false) {
        clients.push_back(std::make_unique<Client>(*service, name, story));
        clients.back()->local = local;
        return *clients.back();
    }
    Client& open_session(const std::string& name, bool local = false) {
        Client& client = connect(name, local);
        const wire::Session opened = ask(client, wire::OpenSession{.client = name});
        client.session = opened.session;
        secrets[opened.session] = opened.secret;
        return client;
    }
    // Returns a request that resumes the session, with a higher attempt than all so far.
    wire::OpenSession resuming(const std::string& name, wire::SessionId session) {
        return {
            .client = name, .resume = session, .secret = secrets[session], .attempt = ++attempts};
    }
    void disconnect(Client& client) {
        std::erase_if(clients, [&](const auto& known) { return known.get() == &client; });
    }

    template <class R>
    Result<typename R::Reply> call(Client& client, R request) {
        return loop.run(client.call(std::move(request)));
    }
    template <class R>
    typename R::Reply ask(Client& client, R request) {
        auto reply = call(client, std::move(request));
        REQUIRE_MESSAGE(reply, reply.error().message());
        return std::move(*reply);
    }
    // Starts a request that may have to wait; the story records its answer.
    template <class R>
    void send(Client& client, R request, std::string answer) {
        scope.start(note(client.call(std::move(request)), client.name + ": " + answer, story));
    }
    template <class T>
    static Task<void> note(Task<T> request, std::string answer, Story& story) {
        const auto reply = co_await result(std::move(request));
        if (!reply) answer += " " + reply.error().message();
        else if constexpr (requires { reply->grant; }) {
            constexpr const char* names[] = {" none", " shared", " exclusive"};
            answer += names[std::to_underlying(reply->grant)];
        }
        story.push_back(answer);
    }
    // Runs the loop until everything that does not wait for a client has happened.
    void turn() {
        for (int i = 0; i < 3; ++i) static_cast<void>(loop.run(loop.sleep(Duration(1))));
    }
    Story take_story() { return std::exchange(story, {}); }

    Ino create(Client& client, const std::string& name, Ino parent = 1) {
        return make(client, name, S_IFREG | 0644, parent).attr.ino;
    }
    wire::Entry make(Client& client, const std::string& name, std::uint32_t mode, Ino parent = 1) {
        return ask(client, wire::Make{.parent = parent, .name = name, .mode = mode, .now = ++now});
    }
    static wire::Commit write_inline(Ino ino, const std::string& data, Time now) {
        wire::Commit commit{.now = now};
        commit.inodes.push_back({.ino = ino,
                                 .size = data.size(),
                                 .mtime = now,
                                 .set_inline = true,
                                 .inline_data = Buffer::copy_of(data)});
        return commit;
    }
    void write(Client& client, Ino ino, const std::string& data) {
        ask(client, write_inline(ino, data, ++now));
    }
    std::string key(wire::SegmentId id) { return block::segment_key("v", id); }
    // Puts a segment and commits one block of it.
    wire::SegmentId write_segment(Client& client, Ino ino, std::uint64_t idx,
                                  bool durable = false) {
        const wire::SegmentId id = ask(client, wire::ReserveSegments{1}).first;
        put(id);
        ask(client, commit_segment(ino, idx, id, durable));
        return id;
    }
    void put(wire::SegmentId id) {
        std::vector<Buffer> bytes{Buffer::copy_of(std::string(1000, 's'))};
        REQUIRE(loop.run(store.put(key(id), std::move(bytes))));
    }
    wire::Commit commit_segment(Ino ino, std::uint64_t idx, wire::SegmentId id, bool durable) {
        wire::Commit commit{.segments = {{id, 1000}}, .durable = durable, .now = ++now};
        wire::InodeCommit& change = commit.inodes.emplace_back();
        change.ino = ino;
        change.mtime = now;
        change.extents.push_back(
            {.idx = idx, .len = 4096, .segment = id, .pos = 0, .stored = 800, .check = 7});
        return commit;
    }
    bool stored(wire::SegmentId id) { return loop.run(store.size(key(id))).has_value(); }
};

}  // namespace flexfs::service
