#include "lib/cloud/aws_files.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <fstream>

#include "lib/base/scratch_test.h"

namespace flexfs::cloud {
namespace {

AwsProfiles parsed(std::string_view text, bool with_prefix = true) {
    AwsProfiles profiles;
    const auto done = parse_aws_file(text, "config", with_prefix, profiles);
    INFO((done ? std::string() : done.error().message()));
    CHECK(done);
    return profiles;
}

std::string complaint(std::string_view text) {
    AwsProfiles profiles;
    const auto done = parse_aws_file(text, "config", true, profiles);
    if (done) return "none";
    CHECK(done.error().code == EACCES);
    return done.error().message();
}

}  // namespace

TEST_CASE("profiles are read as the tools of AWS read them") {
    const auto profiles = parsed(
        "# a comment\r\n"
        "[default]\r\n"
        "region = eu-west-1   # where we are\r\n"
        "\r\n"
        "[profile  prod]\n"
        "  AWS_Access_Key_Id=AKIA\n"
        "  aws_secret_access_key = a=b#c;d\n"
        "s3 =\n"
        "    max_concurrent_requests = 20\n"
        "    this is not a setting\n"
        "output = json\n"
        "[sso-session corp]\n"
        "sso_start_url = https://x\n"
        "[profile \"with space\"]\n"
        "region=x");

    REQUIRE(profiles.size() == 3);
    CHECK(profiles.at("default").get("region") == "eu-west-1");
    CHECK_FALSE(profiles.at("default").has_credentials());
    CHECK(profiles.at("prod").get("aws_access_key_id") == "AKIA");
    CHECK(profiles.at("prod").get("aws_secret_access_key") == "a=b#c;d");
    CHECK(profiles.at("prod").get("output") == "json");
    CHECK(profiles.at("prod").get("max_concurrent_requests") == "");
    CHECK(profiles.at("prod").has_credentials());
    CHECK(profiles.at("with space").get("region") == "x");
}

TEST_CASE("a file of credentials has names without a prefix") {
    const auto profiles = parsed("[prod]\naws_access_key_id = AKIA\n", false);
    CHECK(profiles.at("prod").get("aws_access_key_id") == "AKIA");
}

TEST_CASE("a complaint names file and line, and quotes nothing") {
    CHECK(complaint("[default]\nregion = x\nmy secret\n") ==
          "config:3: this is neither a [section] nor a setting of the form NAME = VALUE");
    CHECK(complaint("secret = x\n") == "config:1: a setting stands before the first [section]");
    CHECK(complaint("\n[default\n") == "config:2: the ']' of a [section] is missing");
    CHECK(complaint("[]\n") == "none");
    CHECK(complaint("[profile ]\n") == "none");
    CHECK(complaint("[default]\n= secret\n").starts_with("config:2: "));
}

TEST_CASE("both files are read, and the one for credentials decides") {
    TestFolder folder;
    const AwsPaths paths = {folder.path() + "/config", folder.path() + "/credentials"};
    CHECK(read_aws_profiles(paths)->empty());

    std::ofstream(paths.config) << "[profile a]\nregion = r\naws_access_key_id = old\n";
    std::ofstream(paths.credentials) << "[a]\naws_access_key_id = new\n";
    const auto profiles = read_aws_profiles(paths);
    REQUIRE(profiles);
    CHECK(profiles->at("a").get("region") == "r");
    CHECK(profiles->at("a").get("aws_access_key_id") == "new");
    CHECK(profiles->at("a").file == paths.credentials);
}

TEST_CASE("a file that cannot be read is named") {
    TestFolder folder;
    const auto profiles = read_aws_profiles({folder.path(), folder.path() + "/none"});
    REQUIRE(!profiles);
    CHECK(profiles.error().code == EACCES);
    CHECK(profiles.error().message() == "cannot read " + folder.path() + ": Is a directory");
}

TEST_CASE("paths and the profile come from the environment") {
    std::map<std::string, std::string> environment = {{"HOME", "/h"}};
    const Variables variables = [&environment](const std::string& name) {
        return environment.contains(name) ? environment.at(name) : "";
    };
    CHECK(aws_paths(variables).config == "/h/.aws/config");
    CHECK(aws_paths(variables).credentials == "/h/.aws/credentials");
    CHECK(aws_profile_name("", variables) == "default");

    environment = {{"HOME", "/h"},
                   {"AWS_CONFIG_FILE", "~/c"},
                   {"AWS_SHARED_CREDENTIALS_FILE", "/s"},
                   {"AWS_PROFILE", "p"}};
    CHECK(aws_paths(variables).config == "/h/c");
    CHECK(aws_paths(variables).credentials == "/s");
    CHECK(aws_profile_name("", variables) == "p");
    CHECK(aws_profile_name("given", variables) == "given");
}

}  // namespace flexfs::cloud
