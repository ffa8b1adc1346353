// A bucket of a real server, if the environment names one:
//   FLEXFS_TEST_S3="ENDPOINT BUCKET ACCESS_KEY SECRET_KEY"
//   FLEXFS_TEST_AZURE="ENDPOINT CONTAINER ACCOUNT KEY"
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>

#include "lib/base/uuid.h"
#include "lib/cloud/signer.h"
#include "lib/object/azure_store.h"
#include "lib/object/s3_store.h"

namespace flexfs::object {

// The words of the variable; all are empty if it is not set.
struct RealBucket {
    std::string endpoint, bucket, user, secret;

    explicit RealBucket(const char* variable) {
        const char* const value = std::getenv(variable);
        std::istringstream words(value ? value : "");
        words >> endpoint >> bucket >> user >> secret;
        CHECK(endpoint.empty() == secret.empty());
    }
    explicit operator bool() const { return !endpoint.empty(); }
};

// A store below a prefix of its own, which is emptied at the end.
struct RealSetup {
    Loop loop;
    http::Client client{loop};
    std::unique_ptr<Store> store;

    ~RealSetup() {
        for (bool more = true; more;) {
            const auto page = loop.run(store->list("", "", 1000));
            REQUIRE(page);
            std::vector<std::string> keys;
            for (const Listed& object : page->objects) keys.push_back(object.key);
            CHECK(loop.run(store->remove(std::move(keys))));
            more = page->more;
        }
        CHECK(loop.run(store->close()));
        CHECK(loop.run(client.close()));
    }
};

inline std::unique_ptr<RealSetup> open_real_s3(const RealBucket& real) {
    auto made = std::make_unique<RealSetup>();
    cloud::Identity identity{.access_key = real.user, .secret_key = real.secret};
    S3Options options{
        .bucket = real.bucket, .prefix = "test/" + make_uuid(), .endpoint = real.endpoint};
    auto signer = cloud::make_signer(made->loop, made->client, std::move(identity));
    made->store =
        S3Store::open(made->loop, made->client, std::move(signer), std::move(options)).value();
    return made;
}

inline std::unique_ptr<RealSetup> open_real_azure(const RealBucket& real) {
    auto made = std::make_unique<RealSetup>();
    cloud::Identity identity{
        .provider = cloud::Provider::azure, .account = real.user, .account_key = real.secret};
    AzureOptions options{
        .container = real.bucket, .prefix = "test/" + make_uuid(), .endpoint = real.endpoint};
    auto signer = cloud::make_signer(made->loop, made->client, std::move(identity));
    made->store =
        AzureStore::open(made->loop, made->client, std::move(signer), std::move(options)).value();
    return made;
}

}  // namespace flexfs::object
