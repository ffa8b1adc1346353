#include "lib/base/descriptor.h"

#include <unistd.h>

namespace flexfs {

int Descriptor::close() {
    return fd_ < 0 ? -1 : ::close(release());
}

}  // namespace flexfs
