// A relay between clients and their server on TCP that behaves as networks do: it delays bytes,
// cuts connections, closes one direction only, and lets a later connection attempt overtake an
// earlier one. All choices come from a seed.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "lib/base/check.h"
#include "lib/loop/stream.h"
#include "lib/task/scope.h"

namespace flexfs::rpc {

class Relay {
public:
    struct Faults {
        Duration delay_max{};     // of each forwarded piece
        unsigned cut_one_in = 0;  // pieces (0: never); half of the cuts close one direction
        Duration hold_max{};      // of a new connection, before the server sees it
    };

    Relay(Loop& loop, std::uint64_t seed) : loop_(loop), dice_(seed) {
        listener_ = *loop::listen(loop_, "127.0.0.1:0");
        scope_.start(accept());
    }

    std::string address() const { return listener_->address(); }
    // Connects new clients to `address` from now on; if it is empty, they are disconnected at once.
    void lead_to(std::string address) { server_ = std::move(address); }
    // Cuts the network: everything in flight is lost, and nothing gets through until lead_to() is
    // called.
    void cut_all() {
        for (Pair* pair : pairs_) pair->close();
    }
    Task<void> close() {
        listener_->close();
        cut_all();
        co_await scope_.close();
    }

    Faults faults;
    int cuts = 0;

private:
    struct Pair {
        std::unique_ptr<loop::Stream> client, server;
        void close() {
            if (client) client->close();
            if (server) server->close();
        }
    };

    Duration some(Duration most) {
        return most == Duration::zero() ? most : Duration(dice_() % std::uint64_t(most.count()));
    }
    bool one_in(unsigned n) { return n != 0 && dice_() % n == 0; }

    Task<void> accept() {
        for (;;) {
            auto stream = co_await listener_->accept();
            scope_.start(serve(std::move(stream)));
        }
    }
    Task<void> serve(std::unique_ptr<loop::Stream> client) {
        Pair pair{std::move(client), nullptr};
        pairs_.push_back(&pair);
        if (const Duration held = some(faults.hold_max); held > Duration::zero())
            co_await result(loop_.sleep(held));
        auto server = co_await result(loop::connect(loop_, server_));
        if (server) {
            pair.server = std::move(*server);
            Scope both;
            both.start(pump(pair, *pair.client, *pair.server));
            both.start(pump(pair, *pair.server, *pair.client));
            co_await result(both.join());
            co_await both.close();
        }
        pair.close();
        pairs_.remove(&pair);
    }
    Task<void> pump(Pair& pair, loop::Stream& from, loop::Stream& to) {
        auto outcome = co_await result(pass(from, to));
        if (outcome && dice_() % 2 == 0) {
            // Half-closed: this direction is silent while the other goes on for a moment.
            co_await result(loop_.sleep(std::chrono::milliseconds(1 + dice_() % 5)));
        }
        pair.close();
    }
    // Returns normally after a cut, and with an error if an end has closed.
    Task<void> pass(loop::Stream& from, loop::Stream& to) {
        for (;;) {
            WritableBuffer memory(16 << 10);
            const std::size_t got = co_await from.read(memory.bytes());
            if (got == 0) co_await fail(ECONNRESET);
            if (const Duration late = some(faults.delay_max); late > Duration::zero())
                co_await loop_.sleep(late);
            const bool cut = one_in(faults.cut_one_in);
            // The cut is often in the middle of a frame.
            const std::size_t size = cut ? dice_() % (got + 1) : got;
            std::vector<Buffer> pieces;
            pieces.push_back(std::move(memory).freeze(size));
            if (size > 0) co_await to.write(std::move(pieces));
            if (!cut) continue;
            ++cuts;
            co_return;
        }
    }

    Loop& loop_;
    std::mt19937_64 dice_;
    std::string server_;
    std::unique_ptr<loop::Listener> listener_;
    std::list<Pair*> pairs_;
    Scope scope_;
};

}  // namespace flexfs::rpc
