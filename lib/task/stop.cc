#include "lib/task/stop.h"

#include "lib/base/check.h"

namespace flexfs::task {

void StopHook::join(StopSource& source) {
    check(source_ == nullptr);
    source_ = &source;
    before_ = nullptr;
    after_ = source.hooks_;
    if (after_) after_->before_ = this;
    source.hooks_ = this;
}

void StopHook::leave() {
    if (!source_) return;
    (before_ ? before_->after_ : source_->hooks_) = after_;
    if (after_) after_->before_ = before_;
    source_ = nullptr;
}

StopSource::~StopSource() {
    check(hooks_ == nullptr);
}

void StopSource::request() {
    requested_ = true;
    while (hooks_) {
        StopHook* hook = hooks_;
        hook->leave();
        hook->stopped();
    }
}

}  // namespace flexfs::task
