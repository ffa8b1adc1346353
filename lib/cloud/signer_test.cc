#include "lib/cloud/signer.h"

#include <doctest/doctest.h>

#include "lib/cloud/fake_provider_test.h"
#include "lib/crypto/crypto.h"

namespace flexfs::cloud {
namespace {

const Identity keyed{.region = "eu-west-1", .access_key = "AKIA", .secret_key = "hush"};

}  // namespace

TEST_CASE("a large body is hashed as a small one is") {
    World world;
    world.make_signer(keyed);
    for (const std::size_t size : {1 << 10, 64 << 10, 1 << 20}) {
        http::Request request{.method = "PUT", .url = "https://b.example.com/k"};
        const Buffer piece = Buffer::take(std::string(size, 'x'));
        request.body = {piece, piece};
        REQUIRE(world.loop.run(world.signer->sign(request)));
        CHECK(request.headers.find("x-amz-content-sha256") ==
              to_hex(crypto::sha256(as_bytes(std::string(2 * size, 'x')))));
    }
}

TEST_CASE("a signature is for the region and the time that the provider has") {
    World world;
    world.make_signer(keyed);
    CHECK(world.signed_by().contains("Credential=AKIA/20260101/eu-west-1/s3/aws4_request"));

    world.signer->set_region("us-west-2");
    world.signer->set_clock(world.now + 86400'000'000'000);
    CHECK(world.signed_by().contains("Credential=AKIA/20260102/us-west-2/s3/aws4_request"));
    world.pass(86400);
    CHECK(world.signed_by().contains("Credential=AKIA/20260103/us-west-2/"));
}

TEST_CASE("without a region, that of the environment is used, and then the first of AWS") {
    Identity identity = keyed;
    identity.region = "";
    World world;
    world.make_signer(identity);
    CHECK(world.signed_by().contains("/us-east-1/s3/"));

    World second;
    second.environment["AWS_REGION"] = "sa-east-1";
    second.make_signer(identity);
    CHECK(second.signed_by().contains("/sa-east-1/s3/"));
}

TEST_CASE("requests to a public bucket are not signed, even if there are credentials") {
    for (const Provider provider : {Provider::aws, Provider::google, Provider::azure}) {
        World world;
        world.environment["AWS_ACCESS_KEY_ID"] = "ENV";
        world.environment["AWS_SECRET_ACCESS_KEY"] = "hush";
        world.make_signer({.provider = provider, .anonymous = true});
        CHECK(world.signed_by() == "not signed");
        CHECK_FALSE(world.signer->renew());
    }
}

TEST_CASE("keys that were given cannot be renewed, and no description has a secret") {
    World world;
    world.make_signer(keyed);
    CHECK(world.signed_by().contains("AKIA"));
    CHECK_FALSE(world.signer->renew());
    CHECK(world.signer->describe() == "the access key of the flags or the creds file");
}

TEST_CASE("a signer that looks for credentials can be closed at any moment") {
    task::Event never_set;
    World world;
    world.server.gate = &never_set;
    world.environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = world.server.url();
    world.make_signer();
    http::Request request{.url = "https://b.example.com/k"};
    Scope scope;
    scope.start(world.signer->sign(request));
    world.run_until([&world] { return !world.server.requests.empty(); });

    CHECK(world.loop.run(world.signer->close()));
    CHECK(world.loop.run(scope.join()));
    world.signer = nullptr;
}

}  // namespace flexfs::cloud
