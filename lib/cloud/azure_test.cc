#include "lib/cloud/azure.h"

#include <doctest/doctest.h>

#include "lib/cloud/fake_provider_test.h"

namespace flexfs::cloud {
namespace {

const Identity azure{.provider = Provider::azure, .account = "acc"};

FakeAnswer token(const std::string& text) {
    return {.body = fmt::format(R"({{"access_token": "{}", "expires_in": "3599"}})", text)};
}

}  // namespace

TEST_CASE("keys and SAS tokens come from what was given, then from the environment") {
    World world;
    Identity identity = azure;
    identity.account_key = "aHVzaA==";
    world.make_signer(identity);
    CHECK(world.signed_by().starts_with("SharedKey acc:"));
    CHECK(world.signer->describe() ==
          "the key of storage account acc in the flags or the creds file");

    World second;
    second.environment["AZURE_STORAGE_ACCOUNT"] = "env";
    second.environment["AZURE_STORAGE_KEY"] = "aHVzaA==";
    second.make_signer({.provider = Provider::azure});
    CHECK(second.signed_by().starts_with("SharedKey env:"));

    World third;
    third.environment["AZURE_STORAGE_SAS_TOKEN"] = "?sv=1&sig=hush";
    third.make_signer(azure);
    http::Request request{.url = "https://acc.blob.core.windows.net/box/k"};
    REQUIRE(third.loop.run(third.signer->sign(request)));
    CHECK(request.url == "https://acc.blob.core.windows.net/box/k?sv=1&sig=hush");
    CHECK(third.signer->describe() == "the SAS token in the environment");
    CHECK_FALSE(third.signer->renew());
}

TEST_CASE("a connection string has an account and its key") {
    const auto parts =
        parse_connection_string("AccountName=acc;AccountKey=aHVzaA==;EndpointSuffix=core;;x");
    CHECK(parts.at("accountname") == "acc");
    CHECK(parts.at("accountkey") == "aHVzaA==");

    World world;
    world.environment["AZURE_STORAGE_CONNECTION_STRING"] = "AccountName=acc;AccountKey=aHVzaA==";
    world.make_signer({.provider = Provider::azure});
    CHECK(world.signed_by().starts_with("SharedKey acc:"));

    World other;
    other.environment["AZURE_STORAGE_CONNECTION_STRING"] = "AccountName=b;AccountKey=aHVzaA==";
    other.make_signer(azure);
    CHECK(other.signed_by() ==
          "AZURE_STORAGE_CONNECTION_STRING is for storage account b, not for acc");

    World empty;
    empty.environment["AZURE_STORAGE_CONNECTION_STRING"] = "AccountName=acc";
    empty.make_signer(azure);
    CHECK(empty.signed_by().contains("neither an AccountKey"));
}

TEST_CASE("a key without an account is an error") {
    World world;
    world.make_signer({.provider = Provider::azure, .account_key = "aHVzaA=="});
    CHECK(world.signed_by().contains("no name of the storage account"));
}

TEST_CASE("a workload identity shows the token of its file") {
    World world;
    world.write("token", "federated\n");
    world.environment["AZURE_FEDERATED_TOKEN_FILE"] = world.home.path() + "/token";
    world.environment["AZURE_CLIENT_ID"] = "client";
    world.environment["AZURE_TENANT_ID"] = "tenant";
    world.environment["AZURE_AUTHORITY_HOST"] = world.server.url("/");
    world.server.handler = [](const FakeRequest& request) {
        return token(request.field("client_id") + "-" + request.field("client_assertion"));
    };
    world.make_signer(azure);
    CHECK(world.signed_by() == "Bearer client-federated");
    REQUIRE(world.server.requests.size() == 1);
    CHECK(world.server.requests[0].target == "/tenant/oauth2/v2.0/token");
    CHECK(world.server.requests[0].field("scope") == "https://storage.azure.com/.default");
    CHECK(world.signer->renew());

    World elsewhere;
    elsewhere.environment = world.environment;
    elsewhere.environment["AZURE_AUTHORITY_HOST"] = "http://login.example.com";
    elsewhere.make_signer(azure);
    CHECK(elsewhere.signed_by().contains("AZURE_AUTHORITY_HOST"));
}

TEST_CASE("an application can show a secret, which no error has") {
    World world;
    world.environment["AZURE_CLIENT_ID"] = "client";
    world.environment["AZURE_TENANT_ID"] = "tenant";
    world.environment["AZURE_CLIENT_SECRET"] = "keep-this-secret";
    world.environment["AZURE_AUTHORITY_HOST"] = world.server.url();
    world.server.handler = [](const FakeRequest& request) {
        return FakeAnswer{401, fmt::format(R"({{"error": "invalid_client", "error_description":
                                               "wrong: '{}'."}})",
                                           request.field("client_secret"))};
    };
    world.make_signer(azure);
    CHECK(world.signed_by() ==
          "Microsoft Entra ID refused to issue credentials: status 401 "
          "(invalid_client: wrong: '…'.)");
}

TEST_CASE("a machine and an App Service have identities of their own") {
    World machine;
    machine.environment["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = machine.server.url();
    machine.environment["AZURE_CLIENT_ID"] = "client";
    machine.server.handler = [&machine](const FakeRequest& request) {
        if (request.header("Metadata") != "true") return FakeAnswer{.status = 400};
        return FakeAnswer{.body = fmt::format(R"({{"access_token": "m", "expires_on": "{}"}})",
                                              machine.now / 1'000'000'000 + 3600)};
    };
    machine.make_signer(azure);
    CHECK(machine.signed_by() == "Bearer m");
    CHECK(machine.server.requests[0].target.starts_with("/metadata/identity/oauth2/token?"));
    CHECK(machine.server.requests[0].field("resource") == "https://storage.azure.com/");
    CHECK(machine.server.requests[0].field("client_id") == "client");

    World app;
    app.environment["IDENTITY_ENDPOINT"] = app.server.url("/msi/token");
    app.environment["IDENTITY_HEADER"] = "letmein";
    app.server.handler = [](const FakeRequest& request) {
        return token("app-" + request.header("X-IDENTITY-HEADER"));
    };
    app.make_signer(azure);
    CHECK(app.signed_by() == "Bearer app-letmein");
    CHECK(app.server.requests[0].field("api-version") == "2019-08-01");
}

}  // namespace flexfs::cloud
