#include "lib/base/result.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstring>

namespace flexfs {

TEST_CASE("an error message has the context and the reason, or the context alone if it says why") {
    CHECK(Error{ENOENT, {}}.message() == "No such file or directory");
    CHECK(Error{ENOENT, "open /x"}.message() == "open /x: No such file or directory");
    CHECK(explain(ENOENT, "there is no /x").error().message() == "there is no /x");
    CHECK(fail(EINVAL, "7 is no power of two").error().message() == "7 is no power of two");

    for (const int code : {ENOENT, EINVAL}) {
        errno = code;
        const Error system = fail_errno("write /x").error();
        CHECK(system.code == code);
        CHECK(system.message() == std::string("write /x: ") + strerrordesc_np(code));
    }
}

}  // namespace flexfs
