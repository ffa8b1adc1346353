// A store over a container of the test, without repetitions by Retrying.
#pragma once

#include <memory>

#include "lib/object/azure_store.h"
#include "lib/object/fake_azure_test.h"
#include "lib/object/fake_signer_test.h"

namespace flexfs::object {

// Answers requests with a fake container "box", unless `before` has another answer.
struct AzureSetup {
    using Before = std::function<std::optional<FakeAnswer>(const FakeRequest&)>;

    explicit AzureSetup(std::string prefix = "", Before first = {})
        : before(std::move(first)), server(loop, [this](const FakeRequest& request) {
              const auto other = before ? before(request) : std::nullopt;
              return other ? *other : azure.answer(request);
          }) {
        auto owned = std::make_unique<FakeSigner>();
        signer = owned.get();
        AzureOptions options{
            .container = "box", .prefix = std::move(prefix), .endpoint = server.url() + "/test"};
        auto made = AzureStore::open(loop, client, std::move(owned), std::move(options));
        REQUIRE(made);
        store = std::move(*made);
    }
    ~AzureSetup() {
        CHECK(loop.run(store->close()));
        CHECK(loop.run(client.close()));
        CHECK(loop.run(server.close()));
    }

    template <class T>
    Result<T> run(Task<T> task) {
        return loop.run(std::move(task));
    }
    Result<void> put(std::string key, std::string content) {
        std::vector<Buffer> pieces{Buffer::take(std::move(content))};
        return loop.run(store->put(std::move(key), std::move(pieces)));
    }

    Loop loop;
    FakeAzure azure;
    Before before;
    FakeServer server;
    http::Client client{loop};
    FakeSigner* signer = nullptr;
    std::unique_ptr<Store> store;
};

}  // namespace flexfs::object
