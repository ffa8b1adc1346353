#include "lib/base/descriptor.h"

#include <fcntl.h>
#include <unistd.h>

namespace flexfs {

int Descriptor::close() {
    return fd_ < 0 ? -1 : ::close(release());
}

void open_standard_descriptors() {
    int fd = -1;
    do {
        fd = ::open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) ::close(fd);
}

}  // namespace flexfs
