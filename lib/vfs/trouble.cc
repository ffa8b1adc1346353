#include "lib/vfs/trouble.h"

#include <algorithm>

#include "lib/base/log.h"

namespace flexfs::vfs {
namespace {

using namespace std::chrono_literals;
constexpr Duration pause_min = 500ms, pause_max = 30s;

}  // namespace

void Trouble::add(const Error& error) {
    if (since_ == 0) {
        since_ = wall_now();
        log::error("cannot write back {} bytes: {}; retrying", budget_.dirty(), error.message());
    }
    error_ = error;
    error_.refused = false;  // the mark is valid for one request only
    // Attempts that began before the pause say nothing new when they fail.
    if (!pausing_ || loop_.now() >= until_) {
        pause_ = std::clamp(pause_ * 2, pause_min, pause_max);
        until_ = loop_.now() + pause_;
    }
    pausing_ = true;
    budget_.refuse_dirty(error.code);
}

void Trouble::end() {
    if (since_ == 0) return;
    log::info("writing back succeeds again");
    retry_now();
    since_ = 0;
}

void Trouble::retry_now() {
    pausing_ = false;
    pause_ = {};
    budget_.refuse_dirty(0);
}

WriteBackTrouble Trouble::report() const {
    if (since_ == 0) return {};
    return {error_.code, error_.message(), since_};
}

}  // namespace flexfs::vfs
