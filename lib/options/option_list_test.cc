#include "lib/options/option_list.h"

#include <doctest/doctest.h>

#include <cerrno>

namespace flexfs::options {
namespace {

std::string complaint(std::string_view list) {
    MountOptions options;
    auto applied = apply_option_list(options, list, false);
    return applied ? "" : applied.error().context;
}

std::string complaint_of_remount(std::string_view list) {
    auto checked = check_remount_list(list, false);
    return checked ? "" : checked.error().context;
}

}  // namespace

TEST_CASE("a list is options with and without a value, and empty ones are none") {
    const auto options = split_options(",ro,,umask=022,logFile=/a=b,=x,sync=,");

    REQUIRE(options.size() == 4);
    CHECK((options[0].name == "ro" && !options[0].value));
    CHECK((options[1].name == "umask" && options[1].value == "022"));
    CHECK((options[2].name == "logFile" && options[2].value == "/a=b"));
    CHECK((options[3].text == "sync=" && options[3].value == ""));
    CHECK(is_remount("ro,remount"));
    CHECK(!is_remount("ro,remounted,x-remount"));
}

TEST_CASE("a line of fstab is understood, in its spelling and in ours") {
    MountOptions o;

    REQUIRE(apply_option_list(o,
                              "rw,_netdev,nofail,x-systemd.automount,noexec,nosuid,noATime,,"
                              "memCapacity=128M,relatime,ro,user,noauto,comment=mine,umask=022",
                              false));
    CHECK((o.no_exec && o.no_suid && !o.no_dev && o.read_only));
    CHECK(o.access_times == AccessTimes::relative);  // relatime was the last
    CHECK(o.mem_bytes == 128 << 20);
    CHECK(o.umask == 022);
    REQUIRE(apply_option_list(o, "rw,noatime,exec,compression=none", false));
    CHECK((!o.read_only && !o.no_exec));
    CHECK(o.access_times == AccessTimes::never);
    REQUIRE(apply_option_list(o, "strictatime,nodiratime", false));
    CHECK(o.access_times == AccessTimes::always);
    CHECK(!o.folder_access_times);
    CHECK(o.fresh.compression == "none");
}

TEST_CASE("a wrong option is named, with the nearest valid one") {
    CHECK(complaint("ro,memCapcity=1G") ==
          "unknown option 'memCapcity'; did you mean 'memCapacity'?");
    CHECK(complaint("memCapacity") == "option 'memCapacity' needs a value: memCapacity=SIZE");
    CHECK(complaint("memCapacity=1M") ==
          "option 'memCapacity': 1M is too small; the minimum is 32.0 MiB");
    CHECK(complaint("remount,ro") == "remount changes a running mount: mount -o remount,ro DIR");
    CHECK(complaint("subtype=x") == "unknown option 'subtype'");
    CHECK(complaint("logFile=/a,b") == "unknown option 'b' (a value in -o cannot have a comma)");
    MountOptions o;
    CHECK(apply_option_list(o, "subtype=x,ro", true));
    CHECK(o.read_only);
}

TEST_CASE("a remount takes what mount(8) repeats, and names what is wrong") {
    CHECK(complaint_of_remount(
              "ro,relatime,remount,user_id=0,group_id=0,default_permissions,"
              "allow_other,max_read=1048576,bind,nosymfollow,noATime,memCapacity=1G,_netdev")
              .empty());
    CHECK(complaint_of_remount("remount,misspelt") == "unknown option 'misspelt'");
    CHECK(complaint_of_remount("remount,noATim") ==
          "unknown option 'noATim'; did you mean 'noATime'?");
    CHECK(complaint_of_remount("remount,attrValid=x").starts_with("option 'attrValid': "));
    CHECK(check_remount_list("remount,misspelt", true));
}

TEST_CASE("values for the next process image are not options of -o") {
    CHECK(complaint("handover=3") == "unknown option 'handover'");
}

TEST_CASE("options that differ from those of the mount are named, and equal ones are not") {
    MountOptions o;
    REQUIRE(apply_option_list(o, "memCapacity=128M,umask=022,flushOnClose", false));
    REQUIRE(finish(o));
    CHECK(changes(o, {}, "memCapacity=128M,umask=22,flushOnClose,_netdev,x-a=b,user_id=0").empty());
    CHECK(changes(o, {}, "memCapacity=64M,umask=022,rootSquash,attrValid=x") ==
          std::vector<std::string>{"memCapacity", "rootSquash", "attrValid"});
    CHECK(changes(o, {}, "async,blockSize=4M,compression=lz4").empty());
    CHECK(changes(o, {}, "dirsync,blockSize=1M,compression=zstd") ==
          std::vector<std::string>{"dirsync", "blockSize", "compression"});
}

}  // namespace flexfs::options
