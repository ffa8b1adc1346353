#include "lib/task/task.h"

namespace flexfs::task {

std::coroutine_handle<> PromiseBase::ended() {
    PromiseBase* last = this;
    while (last->state == State::error && last->heir) {
        last->heir->end_with(std::move(last->error));
        last = last->heir;
    }
    return last->waiter;
}

void PromiseBase::unhandled_exception() {
    check_failed(std::source_location::current());  // no exception may leave a coroutine
}

}  // namespace flexfs::task
