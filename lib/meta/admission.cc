#include "lib/meta/admission.h"

#include <fcntl.h>

namespace flexfs::meta {
namespace {

template <class R>
bool makes_room(const R&) {
    return is_own_request<R>;
}
bool makes_room(const wire::Unlink&) {
    return true;
}
bool makes_room(const wire::Rmdir&) {
    return true;
}
bool makes_room(const wire::Release&) {
    return true;
}
bool makes_room(const wire::OpenSession&) {
    return true;
}
bool makes_room(const wire::CloseSession&) {
    return true;
}
bool makes_room(const wire::SetAttr& request) {
    return (request.mask & wire::set_size) != 0;
}
bool makes_room(const wire::Allocate& request) {
    return (request.mode & FALLOC_FL_PUNCH_HOLE) != 0;
}

}  // namespace

bool makes_room(const Request& request) {
    return std::visit([](const auto& m) { return makes_room(m); }, request);
}

// Freeing space takes a while, so it is tried only if there is something to gain.
bool may_grow(State& state) {
    if (has_reserve(state)) return true;
    const bool worth_it = state.db->log_file_bytes() >= state.reserve.bytes() / 4;
    if (state.copying) {
        state.wants_copy = worth_it && state.owner_copies;
        return false;
    }
    return worth_it && make_room(state) && has_reserve(state);
}

}  // namespace flexfs::meta
