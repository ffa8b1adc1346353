#include "lib/task/wait.h"

namespace flexfs::task {

Waiting::~Waiting() {
    // A frame destroyed while it is parked would leave a dangling entry; owners end their tasks
    // first.
    check(list_ == nullptr || !self_);
}

bool Waiting::park(std::coroutine_handle<> self, PromiseBase& promise, bool hand_over) {
    promise_ = &promise;
    hand_over_ = hand_over;
    StopSource* stop = shielded_ ? nullptr : promise.stop;
    if (stop && stop->requested()) {
        code_ = ECANCELED;
        list_ = nullptr;
        return false;
    }
    self_ = self;
    before_ = list_->last_;
    (before_ ? before_->after_ : list_->first_) = this;
    list_->last_ = this;
    if (stop) join(*stop);
    return true;
}

void Waiting::wake(int code) {
    check(list_ != nullptr);
    (before_ ? before_->after_ : list_->first_) = after_;
    (after_ ? after_->before_ : list_->last_) = before_;
    list_ = nullptr;
    leave();
    code_ = code;
    std::coroutine_handle<> next = self_;
    if (code != 0 && !hand_over_) {
        promise_->end_with(Error{code, {}});
        next = promise_->ended();
    }
    RunQueue::current().push(next);
}

bool WaitList::wake_one(int code) {
    if (!first_) return false;
    first_->wake(code);
    return true;
}

void WaitList::wake_all(int code) {
    while (first_) first_->wake(code);
}

}  // namespace flexfs::task
