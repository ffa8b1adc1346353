#include "roles/mount/remount.h"

#include <doctest/doctest.h>
#include <sys/mount.h>

namespace flexfs::mount {
namespace {

unsigned long by_user(std::string_view current, std::string_view wanted) {
    return remount_flags(current, wanted, Given::by_user);
}

}  // namespace

TEST_CASE("a user's remount keeps what it does not name") {
    CHECK(by_user("rw,nosuid,relatime", "remount,ro") ==
          (MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_RELATIME));
    CHECK(by_user("ro,nosuid,nodev", "rw,suid") == (MS_REMOUNT | MS_NODEV));
    CHECK(by_user("rw,noexec", "exec") == MS_REMOUNT);
    CHECK(by_user("rw,nosymfollow", "ro") == (MS_REMOUNT | MS_RDONLY | MS_NOSYMFOLLOW));
    CHECK(by_user("rw,nosymfollow", "symfollow") == MS_REMOUNT);
}

TEST_CASE("options that mount(8) does not list are off, except access times") {
    CHECK(remount_flags("rw,nosuid,noexec,noatime", "rw,nosuid,remount", Given::by_mount8) ==
          (MS_REMOUNT | MS_NOSUID | MS_NOATIME));
    CHECK(remount_flags("ro,relatime,nodiratime", "rw,noATime,remount", Given::by_mount8) ==
          (MS_REMOUNT | MS_NOATIME | MS_NODIRATIME));
}

TEST_CASE("a remount takes our names, too, and the last of contradicting options wins") {
    CHECK(by_user("rw,relatime", "noATime") == (MS_REMOUNT | MS_NOATIME));
    CHECK(by_user("rw,noatime", "ro,strictATime,rw") == (MS_REMOUNT | MS_STRICTATIME));
    CHECK(by_user("rw,noatime", "norelatime") == (MS_REMOUNT | MS_STRICTATIME));
    CHECK(by_user("rw", "_netdev,memCapacity=1G,user_id=0") == MS_REMOUNT);
}

TEST_CASE("the process hears of the options that concern access times") {
    CHECK(access_times_in("rw,remount,noATime,nosuid,nodiratime") == "noATime,nodiratime");
    CHECK(access_times_in("ro,remount,memCapacity=1G").empty());
}

TEST_CASE("options that neither the kernel nor the process can change are told apart") {
    CHECK(fixed_in("rw,remount,noATime,memCapacity=1G,nodev,_netdev,async,x-a=b") ==
          "memCapacity=1G,async");
    CHECK(fixed_in("remount,ro,noExec,bind,user_id=0").empty());
}

}  // namespace flexfs::mount
