#include "lib/loop/pool.h"

#include <signal.h>
#include <uv.h>

#include "lib/base/check.h"

namespace flexfs::loop {

Task<void> PoolWork::done() {
    uv_work_t request;
    request.data = this;
    const auto on_pool = [](uv_work_t* r) { static_cast<PoolWork*>(r->data)->work(); };
    const auto on_loop = [](uv_work_t* r, int) {
        static_cast<PoolWork*>(r->data)->waiting_.wake_one();
    };
    // The threads start with the first work, and hold back what is held back then: what tells the
    // process to do something is for the loop's thread alone, else it could not hold it back.
    sigset_t told, before;
    sigemptyset(&told);
    for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) sigaddset(&told, signal);
    ::pthread_sigmask(SIG_BLOCK, &told, &before);
    const int queued = uv_queue_work(loop_.uv(), &request, on_pool, on_loop);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    check(queued == 0);
    co_await waiting_.wait_shielded();
}

}  // namespace flexfs::loop
