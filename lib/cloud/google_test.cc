#include "lib/cloud/google.h"

#include <doctest/doctest.h>

#include "lib/base/json.h"
#include "lib/cloud/fake_provider_test.h"
#include "lib/crypto/crypto.h"
#include "lib/crypto/rsa_key_test.h"

namespace flexfs::cloud {
namespace {

const Identity google{.provider = Provider::google};

FakeAnswer token(const std::string& text) {
    return {.body = fmt::format(
                R"({{"access_token": "{}", "expires_in": 3600, "token_type": "Bearer"}})", text)};
}

struct GoogleWorld : World {
    std::string key_file(Json changes = Json::object()) {
        Json key = {{"type", "service_account"},
                    {"client_email", "me@project.iam.gserviceaccount.com"},
                    {"private_key_id", "k1"},
                    {"private_key", crypto::test_rsa_key},
                    {"token_uri", server.url("/token")}};
        key.update(changes);
        write("key.json", key.dump());
        return home.path() + "/key.json";
    }
};

Json part_of(const std::string& claim, int number) {
    std::size_t begin = 0;
    for (int i = 0; i < number; ++i) begin = claim.find('.', begin) + 1;
    std::string text = claim.substr(begin, claim.find('.', begin) - begin);
    std::ranges::replace(text, '-', '+');
    std::ranges::replace(text, '_', '/');
    while (text.size() % 4 != 0) text += '=';
    return Json::parse(from_base64(text)->text());
}

}  // namespace

TEST_CASE("a service account gets a token for a claim that it signed") {
    GoogleWorld world;
    world.server.handler = [](const FakeRequest&) { return token("t1"); };
    Identity identity = google;
    identity.key_file = world.key_file();
    world.make_signer(identity);

    CHECK(world.signed_by() == "Bearer t1");
    REQUIRE(world.server.requests.size() == 1);
    const FakeRequest& asked = world.server.requests[0];
    CHECK(asked.target == "/token");
    CHECK(asked.header("Content-Type") == "application/x-www-form-urlencoded");
    CHECK(asked.field("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer");
    const std::string claim = asked.field("assertion");
    CHECK(part_of(claim, 0) == Json{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", "k1"}});
    CHECK(part_of(claim, 1)["iss"] == "me@project.iam.gserviceaccount.com");
    CHECK(part_of(claim, 1)["aud"] == world.server.url("/token"));
    CHECK(part_of(claim, 1)["iat"] == world.now / 1'000'000'000);
    const auto end = claim.rfind('.');
    const auto signature = crypto::sign_rs256(crypto::test_rsa_key, as_bytes(claim.substr(0, end)));
    REQUIRE(signature);
    CHECK(claim.substr(end + 1) == to_base64url(*signature));
    CHECK(world.signer->describe() == "the key file " + identity.key_file);
}

TEST_CASE("the environment, then gcloud's file, then the metadata server are asked") {
    GoogleWorld world;
    world.server.handler = [](const FakeRequest& request) {
        if (request.header("Metadata-Flavor") == "Google") return token("metadata");
        return token(request.field("grant_type") == "refresh_token"
                         ? request.field("refresh_token") + request.field("client_secret")
                         : "account");
    };
    world.environment["GCE_METADATA_HOST"] = world.server.address();
    world.make_signer(google);
    CHECK(world.signed_by() == "Bearer metadata");
    CHECK(world.server.requests[0].target ==
          "/computeMetadata/v1/instance/service-accounts/default/token");

    GoogleWorld second;
    second.server.handler = world.server.handler;
    second.write(".config/gcloud/application_default_credentials.json",
                 Json{{"type", "authorized_user"},
                      {"client_id", "c"},
                      {"client_secret", "s"},
                      {"refresh_token", "r"},
                      {"token_uri", second.server.url("/")}}
                     .dump());
    second.make_signer(google);
    CHECK(second.signed_by() == "Bearer rs");

    GoogleWorld third;
    third.server.handler = world.server.handler;
    third.environment["GOOGLE_APPLICATION_CREDENTIALS"] = third.key_file();
    third.make_signer(google);
    CHECK(third.signed_by() == "Bearer account");
}

TEST_CASE("an HMAC key signs as AWS does") {
    World world;
    world.make_signer({.provider = Provider::google, .access_key = "GOOG1", .secret_key = "hush"});
    CHECK(world.signed_by().starts_with(
        "AWS4-HMAC-SHA256 Credential=GOOG1/20260101/auto/s3/aws4_request, "));
    World half;
    half.make_signer({.provider = Provider::google, .access_key = "GOOG1"});
    CHECK(half.signed_by().contains("one of them is missing"));
}

TEST_CASE("key files that cannot be used say why, without the key") {
    struct Case {
        Json changes;
        const char* complaint;
    };
    for (const Case& each : {
             Case{{{"type", "external_account"}}, "of type external_account"},
             Case{{{"type", nullptr}}, "type that is no text"},
             Case{{{"private_key", "hush"}}, "not an RSA key"},
             Case{{{"private_key", 7}}, "has no private_key"},
             Case{{{"client_email", ""}}, "client_email"},
             Case{{{"token_uri", "http://example.com/"}}, "token_uri without https://"},
         }) {
        GoogleWorld world;
        Identity identity = google;
        identity.key_file = world.key_file(each.changes);
        world.make_signer(identity);
        const std::string said = world.signed_by();
        CHECK_MESSAGE(said.contains(each.complaint), said);
        CHECK(said.contains("key.json"));
        CHECK_FALSE(said.contains("hush"));
    }
    World world;
    world.make_signer({.provider = Provider::google, .key_file = world.home.path() + "/none"});
    CHECK(world.signed_by() ==
          "cannot read " + world.home.path() + "/none: No such file or directory");
    world.write("none", "{\"type\": hush");
    world.pass(1);
    CHECK(world.signed_by() == world.home.path() + "/none is not a JSON object");
}

TEST_CASE("a token server's refusal is reported, and answers without a usable token are errors") {
    struct Case {
        FakeAnswer answer;
        const char* complaint;
    };
    for (const Case& each : {
             Case{{400, R"({"error": "invalid_grant", "error_description": "Invalid JWT"})"},
                  "refused to issue credentials: status 400 (invalid_grant: Invalid JWT)"},
             Case{{400, "<html>"}, "status 400"},
             Case{{302, ""}, "cannot issue credentials at the moment: status 302"},
             Case{{200, "{}"}, "has no access_token"},
             Case{{200, R"({"access_token": "a"})"}, "does not say when the token expires"},
             Case{{200, R"({"access_token": "a", "expires_in": 0})"}, "has expired already"},
             Case{{200, R"({"access_token": "a", "expires_in": -1e300})"}, "has expired already"},
             Case{{200, R"({"access_token": "a\nb", "expires_in": 9})"},
                  "access_token that cannot"},
             Case{{200, R"({"access_token": [1], "expires_in": 9})"},
                  "access_token that is no text"},
         }) {
        GoogleWorld world;
        world.server.handler = [&each](const FakeRequest&) { return each.answer; };
        world.environment["GCE_METADATA_HOST"] = world.server.address();
        world.make_signer(google);
        const std::string said = world.signed_by();
        CHECK_MESSAGE(said.contains(each.complaint), said);
    }
}

TEST_CASE("a lifetime beyond all reason is a long one") {
    GoogleWorld world;
    world.server.handler = [](const FakeRequest&) {
        return FakeAnswer{.body = R"({"access_token": "a", "expires_in": 1e300})"};
    };
    world.environment["GCE_METADATA_HOST"] = world.server.address();
    world.make_signer(google);
    CHECK(world.signed_by() == "Bearer a");
    world.pass(86400);
    CHECK(world.signed_by() == "Bearer a");
    CHECK(world.server.requests.size() == 1);
}

}  // namespace flexfs::cloud
