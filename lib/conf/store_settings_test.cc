#include "lib/conf/store_settings.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>

#include "lib/base/scratch_test.h"

namespace flexfs::conf {
namespace {

std::string refusal(std::string_view key, std::string_view value) {
    StoreSettings settings;
    const auto set = find_store_setting(key)->set(settings, value);
    return set ? "accepted" : set.error().message();
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a creds file is read back as it was written, and only its owner can read it") {
    TestFolder folder;
    const std::string path = folder.path() + "/creds/s3:bucket";
    const StoreSettings settings{.endpoint = "http://127.0.0.1:9000",
                                 .path_style = "true",
                                 .block_user = "AKIA",
                                 .block_pass = "a: 'b' #c"};
    REQUIRE(save_creds(path, settings));

    const auto loaded = load_creds(path);
    REQUIRE(loaded);
    CHECK(*loaded == settings);
    struct stat attr;
    REQUIRE(::stat(path.c_str(), &attr) == 0);
    CHECK((attr.st_mode & 0777) == 0600);
}

TEST_CASE("a wrong value of a setting is refused with a valid form of it") {
    CHECK(has(refusal("endpoint", "localhost:9000"), "http://HOST:PORT"));
    CHECK(!has(refusal("endpoint", "https://me:secret@host"), "secret"));
    CHECK(refusal("endpoint", "https://s3.example.com:9000/base") == "accepted");
    CHECK(has(refusal("sse", "aes"), "AES256"));
    CHECK(refusal("sse", "aws:kms:arn:aws:kms:eu:1:key/2") == "accepted");
    CHECK(has(refusal("pathStyle", "yes"), "true"));
    CHECK(has(refusal("region", "eu central"), "eu-central-1"));
    CHECK(has(refusal("region", ""), "no value"));
}

TEST_CASE("an unknown key of a creds file is named with its line") {
    TestFolder folder;
    const std::string path = folder.path() + "/creds";
    std::ofstream(path) << "region: eu\nblockUsr: x\n";

    const auto loaded = load_creds(path);
    REQUIRE(!loaded);
    CHECK(loaded.error().code == EINVAL);
    CHECK(has(loaded.error().message(), "blockUsr"));
}

TEST_CASE("settings are completed, not replaced, from others") {
    StoreSettings settings{.region = "a"};
    settings.complete_from({.region = "b", .account = "c"});
    CHECK(settings.region == "a");
    CHECK(settings.account == "c");
}

}  // namespace flexfs::conf
