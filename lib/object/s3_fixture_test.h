// A store over a bucket of the test, without repetitions by Retrying.
#pragma once

#include <memory>

#include "lib/object/fake_s3_test.h"
#include "lib/object/fake_signer_test.h"
#include "lib/object/s3_store.h"

namespace flexfs::object {

// Answers requests with a fake bucket "box", unless `before` has another answer.
struct S3Setup {
    using Before = std::function<std::optional<FakeAnswer>(const FakeRequest&)>;

    explicit S3Setup(S3Options options = {}, Before first = {})
        : before(std::move(first)), server(loop, [this](const FakeRequest& request) {
              const auto other = before ? before(request) : std::nullopt;
              return other ? *other : s3.answer(request);
          }) {
        auto owned = std::make_unique<FakeSigner>();
        signer = owned.get();
        options.bucket = "box";
        options.endpoint = server.url();
        options.throttled = [this](Duration pause) { pauses.push_back(pause); };
        auto made = S3Store::open(loop, client, std::move(owned), std::move(options));
        REQUIRE(made);
        store = std::move(*made);
    }
    ~S3Setup() {
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
    FakeS3 s3;
    Before before;
    std::vector<Duration> pauses;
    FakeServer server;
    http::Client client{loop};
    FakeSigner* signer = nullptr;
    std::unique_ptr<Store> store;
};

}  // namespace flexfs::object
