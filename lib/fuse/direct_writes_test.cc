#include "lib/fuse/direct_writes.h"

#include <doctest/doctest.h>

namespace flexfs::fuse {

TEST_CASE("direct writes leave pages where somebody read through them since the file was opened") {
    DirectWrites writes;
    writes.paged(7);
    writes.opened(7, 1);
    writes.opened(8, 2);
    CHECK(!writes.may_leave_pages(7));

    writes.paged(7);
    CHECK(writes.may_leave_pages(7));
    CHECK(!writes.may_leave_pages(8));
}

TEST_CASE("a file is known until the last handle for direct writes is closed") {
    DirectWrites writes;
    writes.opened(7, 1);
    writes.opened(7, 2);
    writes.paged(7);

    writes.closed(7, 1);
    writes.closed(7, 3);
    writes.opened(7, 4);
    CHECK(writes.may_leave_pages(7));

    writes.closed(7, 2);
    writes.closed(7, 4);
    writes.opened(7, 5);
    CHECK(!writes.may_leave_pages(7));
}

TEST_CASE("direct writes to a file opened without O_DIRECT may leave pages") {
    DirectWrites writes;
    CHECK(writes.may_leave_pages(7));
    writes.closed(7, 1);
    CHECK(writes.may_leave_pages(7));
}

}  // namespace flexfs::fuse
