#include "lib/wire/golden_test.h"

#include "lib/wire/control.h"
#include "lib/wire/operations.h"

namespace flexfs::wire {

TEST_CASE("every message of the protocols has its golden bytes") {
    Golden golden;
    golden.add_operations(Metadata::Requests());
    golden.add_pushes(Metadata::Pushes());
    golden.add_operations(Control::Requests());
    golden.compare(__FILE__, "golden.txt");
}

}  // namespace flexfs::wire
