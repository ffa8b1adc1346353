// Tests what holds for every transport: each test runs in process, over a unix socket and over TCP.
#include "lib/rpc/rpc.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "lib/rpc/fixture_test.h"
#include "lib/wire/control.h"

namespace flexfs::rpc {
namespace {

template <class Body>
void everywhere(Body body) {
    for (auto transport : {Transport::local, Transport::unix_socket, Transport::tcp}) {
        CAPTURE(int(transport));
        Pair pair(transport);
        const auto outcome = pair.run(body);
        CHECK_MESSAGE(outcome, outcome.error().message());
    }
}

Task<void> ask_to_wait(Caller<Toy>& caller, std::string gate, std::vector<std::string>& answers,
                       int& code) {
    auto reply = co_await result(caller.call(Wait{std::move(gate)}));
    code = code_of(reply);
    if (reply) answers.push_back(reply->text);
}

}  // namespace

TEST_CASE("a call gives the service's reply, after the greeting") {
    everywhere([](Pair& pair) -> Task<void> {
        const Text reply = co_await pair.caller->call(Echo{"to and fro"});

        CHECK(reply.text == "to and fro");
        CHECK(pair.client.connections == 1);
        CHECK(pair.client.greeting == "hello");
    });
}

TEST_CASE("an error travels with its context") {
    everywhere([](Pair& pair) -> Task<void> {
        const auto reply = co_await result(pair.caller->call(Refuse{ENOTEMPTY, "not that one"}));

        CHECK(code_of(reply) == ENOTEMPTY);
        CHECK(reply.error().context == "not that one");
    });
}

TEST_CASE("answers come in any order") {
    everywhere([](Pair& pair) -> Task<void> {
        Scope scope;
        std::vector<std::string> answers;
        int codes[3] = {-1, -1, -1};
        scope.start(ask_to_wait(*pair.caller, "a", answers, codes[0]));
        scope.start(ask_to_wait(*pair.caller, "b", answers, codes[1]));
        scope.start(ask_to_wait(*pair.caller, "c", answers, codes[2]));
        co_await until(pair.loop, [&pair] { return pair.service.waiting == 3; });
        for (const char* gate : {"c", "a", "b"}) {
            const std::size_t before = answers.size();
            pair.service.gates[gate].set();
            co_await until(pair.loop, [&answers, before] { return answers.size() > before; });
        }
        co_await scope.join();

        CHECK(answers == std::vector<std::string>{"c", "a", "b"});
    });
}

TEST_CASE("a stopped call ends with ECANCELED and stops the handler, and no other call") {
    everywhere([](Pair& pair) -> Task<void> {
        Scope stopped, other;
        std::vector<std::string> answers;
        int stopped_code = -1, other_code = -1;
        stopped.start(ask_to_wait(*pair.caller, "never", answers, stopped_code));
        other.start(ask_to_wait(*pair.caller, "gate", answers, other_code));
        co_await until(pair.loop, [&pair] { return pair.service.waiting == 2; });
        co_await stopped.close();
        CHECK(stopped_code == ECANCELED);

        co_await until(pair.loop, [&pair] { return pair.service.stopped == 1; });
        pair.service.gates["gate"].set();
        co_await other.join();
        CHECK(other_code == 0);
        CHECK(answers == std::vector<std::string>{"gate"});
    });
}

TEST_CASE("pushes arrive in order, before the reply of the handler that pushed them") {
    everywhere([](Pair& pair) -> Task<void> {
        co_await pair.caller->call(Tell{"first", 1});
        co_await pair.caller->call(Tell{"second", 2});

        CHECK(pair.client.notes == std::vector<std::string>{"first", "second", "second"});
    });
}

TEST_CASE("a push after a reply finds the reply seen") {
    everywhere([](Pair& pair) -> Task<void> {
        // The reply and the push leave the service in one turn, so that one read brings both.
        struct Watcher {
            static Task<void> ask(Pair& pair, bool& in_order) {
                co_await pair.caller->call(Wait{"gate"});
                in_order = pair.client.notes.empty();
            }
            static Task<void> push(Pair& pair) {
                co_await pair.service.gates["gate"].wait();
                pair.service.clients.at(0)->push(Note{"later"});
            }
        };
        Scope scope;
        bool in_order = false;
        scope.start(Watcher::ask(pair, in_order));
        co_await until(pair.loop, [&pair] { return pair.service.waiting == 1; });
        scope.start(Watcher::push(pair));
        pair.service.gates["gate"].set();
        co_await scope.join();
        co_await until(pair.loop, [&pair] { return !pair.client.notes.empty(); });

        CHECK(in_order);
    });
}

TEST_CASE("a thousand calls at a time, and a message of megabytes, pass unharmed") {
    everywhere([](Pair& pair) -> Task<void> {
        struct Asker {
            static Task<void> ask(Caller<Toy>& caller, int n, int& right) {
                const std::string text = std::to_string(n) + std::string(std::size_t(n), 'x');
                const Text reply = co_await caller.call(Echo{text});
                right += reply.text == text;
            }
        };
        std::vector<Task<void>> tasks;
        int right = 0;
        for (int n = 0; n < 3000; ++n) tasks.push_back(Asker::ask(*pair.caller, n, right));
        tasks.push_back(Asker::ask(*pair.caller, 20 << 20, right));
        co_await task::all(std::move(tasks));

        CHECK(right == 3001);
    });
}

TEST_CASE("after close, calls end with ECANCELED and the handler is gone") {
    for (auto transport : {Transport::local, Transport::unix_socket, Transport::tcp}) {
        CAPTURE(int(transport));
        Pair pair(transport);
        CHECK(pair.run([](Pair&) -> Task<void> { co_return; }));

        CHECK(pair.service.gone == 1);
        CHECK(code_of(pair.loop.run(pair.caller->call(Echo{"x"}))) == ECANCELED);
    }
}

TEST_CASE("a greeting that fails is what start fails with") {
    for (auto transport : {Transport::local, Transport::unix_socket, Transport::tcp}) {
        CAPTURE(int(transport));
        Pair pair(transport);
        pair.client.refused_with = EACCES;

        CHECK(code_of(pair.loop.run(pair.caller->start())) == EACCES);
        CHECK(pair.loop.run(pair.caller->close()));
        CHECK(pair.loop.run(pair.server.close()));
    }
}

TEST_CASE("a mount's status is asked for over its unix socket") {
    struct Mount final : Service<wire::Control> {
        struct Answers final : Serving<Answers, wire::Control> {
            Task<wire::StatusText> serve(Context, wire::Status) {
                co_return wire::StatusText{Buffer::copy_of("{}")};
            }
            Task<wire::Done> serve(Context, wire::Stop) { co_return fail(EBUSY, "in use"); }
            Task<wire::Restarted> serve(Context, wire::Restart) { co_return wire::Restarted{}; }
            Task<wire::Remounted> serve(Context, wire::Remount) { co_return wire::Remounted{}; }
            Task<wire::WrittenStored> serve(Context, wire::StoreWritten) {
                co_return wire::WrittenStored{};
            }
            Task<wire::UnstoredFiles> serve(Context, wire::Unstored) {
                co_return wire::UnstoredFiles{};
            }
            Task<wire::ScrubState> serve(Context, wire::Scrub) { co_return wire::ScrubState{}; }
            Task<wire::ScrubState> serve(Context, wire::ScrubProgress) {
                co_return wire::ScrubState{};
            }
        };
        std::unique_ptr<Handler<wire::Control>> connected(Pusher<wire::Control>&) override {
            return std::make_unique<Answers>();
        }
    };
    struct Asker final : Client<wire::Control> {
        Task<void> connected(Caller<wire::Control>&) override { co_return; }
    };
    Loop loop;
    Mount mount;
    Asker asker;
    Server<wire::Control> server(loop, mount);
    REQUIRE(server.listen(toy_address(Transport::unix_socket)));
    Caller<wire::Control> caller(loop, server.addresses()[0], asker);
    REQUIRE(loop.run(caller.start()));

    CHECK(loop.run(caller.call(wire::Status{}))->json.text() == "{}");
    CHECK(code_of(loop.run(caller.call(wire::Stop{}))) == EBUSY);
    CHECK(loop.run(caller.close()));
    CHECK(loop.run(server.close()));
}

}  // namespace flexfs::rpc
