#include "roles/mount/remount.h"

#include <doctest/doctest.h>
#include <sys/mount.h>

namespace flexfs::mount {

TEST_CASE("a remount keeps what it does not name") {
    CHECK(remount_flags("rw,nosuid,relatime", "remount,ro") ==
          (MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_RELATIME));
    CHECK(remount_flags("ro,nosuid,nodev", "rw,suid") == (MS_REMOUNT | MS_NODEV));
    CHECK(remount_flags("rw,nosymfollow", "ro") == (MS_REMOUNT | MS_RDONLY | MS_NOSYMFOLLOW));
    CHECK(remount_flags("rw,nosymfollow", "symfollow") == MS_REMOUNT);
}

TEST_CASE("a remount takes our spelling, too, and the last of contradicting options") {
    CHECK(remount_flags("rw,relatime", "noATime") == (MS_REMOUNT | MS_NOATIME));
    CHECK(remount_flags("rw,noatime", "ro,strictATime,rw") == (MS_REMOUNT | MS_STRICTATIME));
    CHECK(remount_flags("rw", "_netdev,memCapacity=1G,user_id=0") == MS_REMOUNT);
}

TEST_CASE("of a remount the process hears what concerns access times") {
    CHECK(access_times_in("rw,remount,noATime,nosuid,nodiratime") == "noatime,nodiratime");
    CHECK(access_times_in("ro,remount,memCapacity=1G").empty());
}

TEST_CASE("what neither kernel nor process can change is told apart") {
    CHECK(fixed_in("rw,remount,noATime,memCapacity=1G,nodev,_netdev") == "memCapacity=1G,_netdev");
    CHECK(fixed_in("remount,ro,noExec").empty());
}

}  // namespace flexfs::mount
