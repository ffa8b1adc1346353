#include "lib/cloud/aws_credentials.h"

#include <doctest/doctest.h>

#include "lib/cloud/aws_sts.h"
#include "lib/cloud/fake_provider_test.h"

namespace flexfs::cloud {
namespace {

std::string key_in_json(const std::string& id, const std::string& expiration) {
    return fmt::format(R"({{"Code": "Success", "AccessKeyId": "{}", "SecretAccessKey": "hush",
                            "Token": "temporary", "Expiration": "{}"}})",
                       id, expiration);
}

std::string key_in_xml(const std::string& action, const std::string& id,
                       const std::string& expiration) {
    return fmt::format(
        "<{0}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{0}Result><Credentials>"
        "<AccessKeyId>{1}</AccessKeyId><SecretAccessKey>hush</SecretAccessKey>"
        "<SessionToken>temporary</SessionToken><Expiration>{2}</Expiration>"
        "</Credentials></{0}Result></{0}Response>",
        action, id, expiration);
}

// A machine whose instance metadata service is the world's server.
struct Machine : World {
    Machine() {
        environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = server.url("/");
        server.handler = [this](const FakeRequest& request) { return metadata(request); };
    }
    FakeAnswer metadata(const FakeRequest& request) {
        if (request.target == "/latest/api/token" && request.method == "PUT" &&
            !request.header("X-aws-ec2-metadata-token-ttl-seconds").empty())
            return {.body = "permit"};
        if (request.header("X-aws-ec2-metadata-token") != "permit") return {.status = 401};
        const std::string roles = "/latest/meta-data/iam/security-credentials/";
        if (request.target == roles) return {.body = role};
        if (request.target == roles + role) return {.body = answer};
        return {.status = 404};
    }

    std::string role = "worker";
    std::string answer = key_in_json("METADATA", in_seconds(3600));
};

}  // namespace

TEST_CASE("credentials are looked for in order: given, environment, files, services") {
    const std::vector<std::string> order = {"GIVEN", "ENV", "FILE", "IDENTITY", "METADATA"};
    for (std::size_t first = 0; first < order.size(); ++first) {
        Machine world;
        Identity identity;
        if (first <= 0) {
            identity.access_key = "GIVEN";
            identity.secret_key = "hush";
        }
        if (first <= 1) {
            world.environment["AWS_ACCESS_KEY_ID"] = "ENV";
            world.environment["AWS_SECRET_ACCESS_KEY"] = "hush";
        }
        if (first <= 2)
            world.write(".aws/credentials",
                        "[default]\naws_access_key_id=FILE\naws_secret_access_key=hush\n");
        if (first <= 3) {
            world.write("token", "a.b.c\n");
            world.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = world.home.path() + "/token";
            world.environment["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/r";
            world.environment["AWS_ENDPOINT_URL_STS"] = world.server.url();
            world.server.handler = [&world](const FakeRequest&) {
                return FakeAnswer{.body = key_in_xml("AssumeRoleWithWebIdentity", "IDENTITY",
                                                     world.in_seconds(3600))};
            };
        }
        world.make_signer(identity);
        CHECK(world.key_used() == order[first]);
        CHECK_FALSE(world.signer->describe().contains("hush"));
    }
}

TEST_CASE("a profile that was given comes before the environment") {
    World world;
    world.environment["AWS_ACCESS_KEY_ID"] = "ENV";
    world.environment["AWS_SECRET_ACCESS_KEY"] = "hush";
    world.write(".aws/credentials", "[prod]\naws_access_key_id=FILE\naws_secret_access_key=hush\n");
    world.make_signer({.profile = "prod"});
    CHECK(world.key_used() == "FILE");
    CHECK(world.signer->describe() == "profile prod in " + world.home.path() + "/.aws/credentials");
}

TEST_CASE("credentials that are nowhere are reported with all places and a way to give them") {
    World world;
    world.environment["AWS_EC2_METADATA_DISABLED"] = "true";
    const std::string said = world.key_used();
    for (const char* part :
         {"no credentials found in the flags and the creds file", "AWS_ACCESS_KEY_ID",
          "/.aws/credentials", "profile default", "AWS_WEB_IDENTITY_TOKEN_FILE",
          "AWS_EC2_METADATA_DISABLED", "Give an access key"})
        CHECK_MESSAGE(said.contains(part), said);
}

TEST_CASE("credentials that appear later are found") {
    World world;
    world.environment["AWS_EC2_METADATA_DISABLED"] = "true";
    CHECK(world.key_used().starts_with("no credentials found"));
    world.write(".aws/credentials", "[default]\naws_access_key_id=A\naws_secret_access_key=hush\n");
    world.pass(1);
    CHECK(world.key_used() == "A");
}

TEST_CASE("half a key is an error, wherever it is") {
    World world;
    world.environment["AWS_ACCESS_KEY_ID"] = "ENV";
    CHECK(world.key_used().contains("AWS_SECRET_ACCESS_KEY"));

    World second;
    second.make_signer({.secret_key = "hush"});
    CHECK(second.key_used().contains("a secret key, but not"));
    CHECK_FALSE(second.key_used().contains("hush"));

    World third;
    third.write(".aws/credentials", "[default]\naws_secret_access_key=hush\n");
    CHECK(third.key_used() ==
          "profile default in " + third.home.path() + "/.aws/credentials has no aws_access_key_id");
}

TEST_CASE("a changed credentials file is read again, and one that broke leaves the old key") {
    World world;
    world.write(".aws/credentials", "[default]\naws_access_key_id=A\naws_secret_access_key=hush\n");
    CHECK(world.key_used() == "A");
    CHECK_FALSE(world.signer->renew());

    world.write(".aws/credentials",
                "[default]\naws_access_key_id=BB\naws_secret_access_key=hush\n");
    world.pass(10);
    CHECK(world.signer->renew());
    CHECK(world.key_used() == "BB");

    world.write(".aws/credentials", "broken");
    world.pass(10);
    CHECK(world.key_used() == "BB");
    world.write(".aws/credentials", "[default]\naws_access_key_id=C\naws_secret_access_key=hush\n");
    world.run_until([&world] {
        world.pass(1);
        return world.key_used() == "C";
    });
}

TEST_CASE("profiles that cannot be used say why") {
    struct Case {
        const char* config;
        const char* complaint;
    };
    for (const Case& each : {
             Case{"[profile p]\ncredential_process = /bin/x hush\n", "credential_process"},
             Case{"[profile p]\nsso_session = corp\n", "IAM Identity Center"},
             Case{"[profile p]\nrole_arn = r\n", "source_profile"},
             Case{"[profile p]\nrole_arn = r\nmfa_serial = m\nsource_profile = q\n", "mfa_serial"},
             Case{"[profile p]\nrole_arn = r\nsource_profile = q\n", "there is no profile q in"},
             Case{"[profile p]\nrole_arn = r\nsource_profile = q\n[profile q]\nrole_arn = s\n"
                  "source_profile = p\n",
                  "refers to itself"},
             Case{"[profile p]\nrole_arn = r\ncredential_source = Environment\n", "environment"},
             Case{"[profile q]\n", "there is no profile p in"},
             Case{"nonsense\n", "config:1: "},
         }) {
        World world;
        world.write(".aws/config", each.config);
        world.environment["AWS_PROFILE"] = "p";
        const std::string said = world.key_used();
        CHECK_MESSAGE(said.contains(each.complaint), said);
        CHECK_FALSE(said.contains("hush"));
    }
}

TEST_CASE("a role of a profile is assumed with the key of another") {
    World world;
    world.write(".aws/config",
                "[profile p]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n"
                "external_id = e&1\nrole_session_name = me\nregion = eu-west-1\n");
    world.write(".aws/credentials", "[base]\naws_access_key_id=BASE\naws_secret_access_key=hush\n");
    world.environment["AWS_ENDPOINT_URL_STS"] = world.server.url("/");
    world.server.handler = [&world](const FakeRequest&) {
        return FakeAnswer{.body = key_in_xml("AssumeRole", "ROLE", world.in_seconds(3600))};
    };
    world.make_signer({.profile = "p"});

    http::Request request{.url = "https://b.example.com/k"};
    REQUIRE(world.loop.run(world.signer->sign(request)));
    CHECK(request.headers.find("x-amz-security-token") == "temporary");
    CHECK(request.headers.find("Authorization")->contains("Credential=ROLE/20260101/eu-west-1/s3"));
    REQUIRE(world.server.requests.size() == 1);
    const FakeRequest& asked = world.server.requests[0];
    CHECK(asked.field("Action") == "AssumeRole");
    CHECK(asked.field("RoleArn") == "arn:aws:iam::1:role/r");
    CHECK(asked.field("RoleSessionName") == "me");
    CHECK(asked.field("ExternalId") == "e&1");
    CHECK(asked.header("Authorization").contains("Credential=BASE/20260101/eu-west-1/sts/"));
    CHECK(world.signer->renew());
}

TEST_CASE("a refusal by the token service is reported with its reason, but nothing that was sent") {
    World world;
    world.write("token", "top.secret.token");
    world.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = world.home.path() + "/token";
    world.environment["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/r";
    world.environment["AWS_ENDPOINT_URL_STS"] = world.server.url();
    world.server.handler = [](const FakeRequest& request) {
        return FakeAnswer{.status = 403,
                          .body =
                              "<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not "
                              "authorized with " +
                              request.field("WebIdentityToken") +
                              "\n!</Message></Error></ErrorResponse>"};
    };
    CHECK(world.key_used() ==
          "the Security Token Service (STS) of AWS refused to issue credentials: status 403 "
          "(AccessDenied: Not authorized with … !)");

    world.environment["AWS_ENDPOINT_URL_STS"] = "http://sts.example.com";
    world.pass(1);
    CHECK(world.key_used().contains("AWS_ENDPOINT_URL_STS"));
    world.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/nowhere";
    world.environment["AWS_ENDPOINT_URL_STS"] = "";
    world.pass(1);
    CHECK(world.key_used() == "cannot read /nowhere: No such file or directory");
}

TEST_CASE("answers of the token service that cannot be used are errors") {
    World world;
    const auto parsed = [&world](std::string_view xml) {
        const auto got = parse_role_credentials(xml, "AssumeRole", world.now);
        return got ? "accepted " + got->id : got.error().message();
    };
    const std::string good = key_in_xml("AssumeRole", "A", world.in_seconds(1));
    CHECK(parsed(good) == "accepted A");
    CHECK(parsed(key_in_xml("AssumeRole", "A", world.in_seconds(0))).contains("expired at 2026"));
    CHECK(parsed(key_in_xml("AssumeRole", "A", "soon")).contains("no time"));
    CHECK(parsed(key_in_xml("AssumeRole", "", world.in_seconds(1))).contains("AccessKeyId"));
    CHECK(parsed(key_in_xml("AssumeRole", "A&#10;B", world.in_seconds(1))).contains("AccessKeyId"));
    CHECK(parsed(key_in_xml("Other", "A", world.in_seconds(1))).contains("AccessKeyId"));
    CHECK(parsed("{}").contains("not XML"));
    for (std::size_t size = 0; size < good.size(); ++size)
        CHECK_FALSE(parsed(good.substr(0, size)).starts_with("accepted"));
}

TEST_CASE("a container gets its key from its endpoint, with the token of a file") {
    World world;
    world.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = world.server.url("/creds?x=1");
    world.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "stale";
    world.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = world.home.path() + "/token";
    world.write("token", "fresh\n");
    world.server.handler = [&world](const FakeRequest& request) {
        return FakeAnswer{.status = request.header("Authorization") == "fresh" ? 200U : 401U,
                          .body = key_in_json("BOX", world.in_seconds(3600))};
    };
    CHECK(world.key_used() == "BOX");
    CHECK(world.server.requests[0].target == "/creds?x=1");
    CHECK(world.signer->describe() == "the container credentials endpoint");
}

TEST_CASE("a container does not ask for its key wherever it is told to") {
    for (const char* url : {"http://example.com/creds", "http://169.254.170.3/", "nonsense",
                            "http://127.0.0.1@example.com/"}) {
        World world;
        world.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url;
        CHECK(world.key_used().contains("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
    }
    World world;
    world.environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "@example.com/";
    CHECK(world.key_used().contains("slash"));
}

TEST_CASE("the key of a machine's role is refreshed without a pause") {
    task::Event gate;
    Machine machine;
    CHECK(machine.key_used() == "METADATA");
    CHECK(machine.signer->describe() == "role worker of the instance metadata service");

    machine.server.gate = &gate;
    machine.pass(3400);
    machine.answer = key_in_json("NEXT", machine.in_seconds(3600));
    CHECK(machine.key_used() == "METADATA");
    gate.set();
    machine.run_until([&machine] { return machine.key_used() == "NEXT"; });
    CHECK(machine.signer->renew());
}

TEST_CASE("answers of instance metadata that cannot be used are errors with a reason") {
    const std::string later = "2026-01-01T01:00:00Z";
    struct Case {
        std::string role, answer, complaint;
    };
    for (const Case& each : {
             Case{"../etc", "", "names no role"},
             Case{"", "", "names no role"},
             Case{"r", "", "not a JSON object"},
             Case{"r", "[1]", "not a JSON object"},
             Case{"r", R"({"Code": "Failed"})", "reports Failed"},
             Case{"r", R"({"AccessKeyId": 7})", "AccessKeyId that is no text"},
             Case{"r", R"({"AccessKeyId": "a\nb"})", "AccessKeyId that cannot be used"},
             Case{"r", R"({"AccessKeyId": "a", "SecretAccessKey": "hush"})", "has no Token"},
             Case{"r", key_in_json("A", "2025-12-31T23:59:59Z"), "expired at 2025-12-31T23:59:59Z"},
             Case{"r", key_in_json("A", "tomorrow"), "no time"},
             Case{"r", key_in_json(std::string(100'000, 'x'), later), "AccessKeyId"},
             Case{"r", std::string(200'000, '['), "not a JSON object"},
         }) {
        Machine machine;
        machine.role = each.role;
        machine.answer = each.answer;
        const std::string said = machine.key_used();
        CHECK_MESSAGE(said.contains(each.complaint), said);
        CHECK_FALSE(said.contains("hush"));
    }
}

TEST_CASE("a service that fails for a moment is an error that may be repeated") {
    World world;
    world.environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = world.server.url("/creds");
    world.server.handler = [](const FakeRequest&) { return FakeAnswer{.status = 503}; };
    world.make_signer();
    http::Request request{.url = "https://b.example.com/k"};
    const auto failed = world.loop.run(world.signer->sign(request));
    REQUIRE(!failed);
    CHECK(failed.error().code == EIO);
    CHECK(failed.error().message() ==
          "the container credentials endpoint cannot issue credentials at the moment: status 503");
}

TEST_CASE("the region comes from the environment, then from the profile") {
    World world;
    CHECK(aws_region(world.variables(), "") == "");
    world.write(".aws/config", "[default]\nregion=d\n[profile p]\nregion=q\n");
    CHECK(aws_region(world.variables(), "") == "d");
    CHECK(aws_region(world.variables(), "p") == "q");
    world.environment["AWS_DEFAULT_REGION"] = "e";
    CHECK(aws_region(world.variables(), "p") == "e");
    world.environment["AWS_REGION"] = "f";
    CHECK(aws_region(world.variables(), "p") == "f");
}

TEST_CASE("Oracle's keys are found as those of AWS, but not in services of AWS") {
    Machine machine;
    machine.make_signer({.provider = Provider::oracle});
    CHECK(machine.key_used().starts_with("no credentials found"));
    CHECK(machine.server.requests.empty());
    machine.environment["AWS_ACCESS_KEY_ID"] = "ORACLE";
    machine.environment["AWS_SECRET_ACCESS_KEY"] = "hush";
    machine.pass(1);
    CHECK(machine.key_used() == "ORACLE");
}

}  // namespace flexfs::cloud
