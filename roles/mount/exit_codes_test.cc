#include "roles/mount/exit_codes.h"

#include <doctest/doctest.h>

#include <cerrno>

namespace flexfs::mount {

TEST_CASE("mount.flexfs exits with the codes that mount(8) documents") {
    CHECK(mount8_code({}) == 0);
    CHECK(mount8_code(fail(EACCES)) == 1);
    CHECK(mount8_code(fail(EPERM)) == 1);
    CHECK(mount8_code(fail(ENOMEM)) == 2);
    CHECK(mount8_code(fail(EAGAIN)) == 2);
    CHECK(mount8_code(explain(EOWNERDEAD, "the daemon was killed")) == 4);
    CHECK(mount8_code(fail(EINTR)) == 8);
    for (const int code : {ENOENT, EBUSY, EIO, EINVAL, ENOTEMPTY, EPROTO})
        CHECK(mount8_code(fail(code)) == 32);
}

}  // namespace flexfs::mount
