#include "lib/fuse/mapped_files.h"

#include <doctest/doctest.h>
#include <fcntl.h>

namespace flexfs::fuse {

TEST_CASE(
    "a file may be written through a mapping while a handle for reading and writing is open") {
    MappedFiles files(true);
    files.opened(1, 10, O_RDONLY);
    files.opened(1, 11, O_WRONLY);
    CHECK(!files.may_be_written(1));

    files.opened(1, 12, O_RDWR | O_APPEND);
    files.opened(1, 13, O_RDWR);
    files.closed(1, 12);
    files.closed(1, 10);
    CHECK(files.may_be_written(1));
    CHECK(!files.may_be_written(2));

    files.closed(1, 13);
    CHECK(!files.may_be_written(1));
}

TEST_CASE("any file of a mount that was taken over may be written through a mapping") {
    const MappedFiles files(false);
    CHECK(files.may_be_written(1));
}

}  // namespace flexfs::fuse
