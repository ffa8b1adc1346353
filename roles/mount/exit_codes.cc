#include "roles/mount/exit_codes.h"

#include <cerrno>

namespace flexfs::mount {

Mount8Code mount8_code(const Result<void>& outcome) {
    switch (code_of(outcome)) {
        case 0: return mount8_success;
        case EPERM:
        case EACCES: return mount8_usage;
        case ENOMEM:
        case EAGAIN:
        case EMFILE:
        case ENFILE: return mount8_system;
        case EOWNERDEAD: return mount8_bug;  // the daemon was killed by a signal
        case EINTR:
        case ECANCELED: return mount8_interrupted;
        default: return mount8_failure;
    }
}

}  // namespace flexfs::mount
