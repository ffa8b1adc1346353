#include "lib/loop/descriptor_watch.h"

#include <uv.h>

#include "lib/base/check.h"

namespace flexfs::loop {

// libuv uses the handle until its close callback, so the state lives until then.
struct DescriptorWatch::State {
    uv_poll_t poll;
    Directions wanted;
    Handler handler;
    std::shared_ptr<State> self;  // while libuv uses the handle

    static void on_ready(uv_poll_t* poll, int status, int events) {
        const auto state = static_cast<State*>(poll->data)->self;  // it may end the watch
        Directions ready{.read = status < 0 || (events & UV_READABLE) != 0,
                         .write = status < 0 || (events & UV_WRITABLE) != 0};
        ready.read = ready.read && state->wanted.read;
        ready.write = ready.write && state->wanted.write;
        if (state->handler && ready != Directions()) state->handler(ready);
    }
};

DescriptorWatch::DescriptorWatch(Loop& loop, int descriptor, Handler handler)
    : state_(std::make_shared<State>()) {
    check(uv_poll_init(loop.uv(), &state_->poll, descriptor) == 0);
    state_->poll.data = state_.get();
    state_->handler = std::move(handler);
    state_->self = state_;
}

DescriptorWatch::~DescriptorWatch() {
    // The handler may be running, so it is destroyed with the state.
    state_->wanted = {};
    uv_close(reinterpret_cast<uv_handle_t*>(&state_->poll), [](uv_handle_t* closed) {
        const auto last = std::move(static_cast<State*>(closed->data)->self);
    });
}

void DescriptorWatch::want(Directions directions) {
    if (state_->wanted == directions) return;
    state_->wanted = directions;
    const int events = (directions.read ? UV_READABLE : 0) | (directions.write ? UV_WRITABLE : 0);
    if (events == 0) uv_poll_stop(&state_->poll);
    else check(uv_poll_start(&state_->poll, events, State::on_ready) == 0);
}

}  // namespace flexfs::loop
