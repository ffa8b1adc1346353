#include "lib/loop/pool.h"

#include <uv.h>

#include "lib/base/check.h"

namespace flexfs::loop {

SignalsBlocked::SignalsBlocked() {
    sigset_t told;
    sigemptyset(&told);
    for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) sigaddset(&told, signal);
    ::pthread_sigmask(SIG_BLOCK, &told, &before_);
}

SignalsBlocked::~SignalsBlocked() {
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

Task<void> PoolWork::done() {
    uv_work_t request;
    request.data = this;
    const auto on_pool = [](uv_work_t* r) { static_cast<PoolWork*>(r->data)->work(); };
    const auto on_loop = [](uv_work_t* r, int) {
        static_cast<PoolWork*>(r->data)->waiting_.wake_one();
    };
    {
        const PoolStart start(loop_);
        check(uv_queue_work(loop_.uv(), &request, on_pool, on_loop) == 0);
    }
    co_await waiting_.wait_shielded();
}

}  // namespace flexfs::loop
