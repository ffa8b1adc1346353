#include "lib/cloud/refreshing.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/log.h"

namespace flexfs::cloud {
namespace {

constexpr Time second = 1'000'000'000;
constexpr Time refresh_before_max = 300 * second;
constexpr Time pause_max = 60 * second;
// Requests that were signed with the old credentials are refused after a renewal, too. They are
// worth repeating, and do not count against the new ones.
constexpr Time renewal_pause = 5 * second;

// True if `span` has passed since `then`, or if the clock went back.
bool has_passed(Time span, Time then, Time now) {
    return now < then || now - then >= span;
}

}  // namespace

Refreshing::Refreshing(Context& context, std::unique_ptr<Source> source)
    : context_(context), source_(std::move(source)) {}

bool Refreshing::is_due(Time now) {
    if (has_passed(second, looked_at_, now)) {
        looked_at_ = now;
        if (source_->changed()) return true;
    }
    if (current_->expires == never) return false;
    const Time before = std::min((current_->expires - got_at_) / 4, refresh_before_max);
    if (current_->expires - now > before) return false;
    // Sources keep credentials, too: the new ones may expire when the old ones do.
    if (failures_ == 0) return has_passed(10 * second, got_at_, now);
    return has_passed(std::min(second << std::min(failures_, 10U), pause_max), failed_at_, now);
}

Task<std::shared_ptr<const Credentials>> Refreshing::get() {
    for (;;) {
        const Time now = context_.now();
        if (current_ && now < current_->expires) {
            if (!refreshing_ && is_due(now)) begin();
            if (current_) co_return current_;
        }
        current_ = nullptr;
        if (!refreshing_) {
            if (failures_ > 0 && !has_passed(second, failed_at_, now)) co_return fail(last_error_);
            begin();
        }
        if (refreshing_) co_await waiting_.wait();
    }
}

void Refreshing::begin() {
    refreshing_ = true;
    scope_.start(refresh());
}

Task<void> Refreshing::refresh() {
    auto got = co_await result(source_->get());
    refreshing_ = false;
    if (got) succeeded(std::move(*got));
    else failed(std::move(got.error()));
    waiting_.wake_all();
}

void Refreshing::succeeded(Credentials got) {
    replaced_ = ever_got_;
    ever_got_ = true;
    got_at_ = context_.now();
    current_ = std::make_shared<const Credentials>(std::move(got));
    failures_ = 0;
    last_error_ = {};
}

void Refreshing::failed(Error why) {
    failed_at_ = context_.now();
    // Those who wait return the error, so it is logged only if nobody does.
    if (current_ && failures_ == 0)
        log::background_failure("refreshing credentials before they expire", why);
    ++failures_;
    last_error_ = std::move(why);
}

bool Refreshing::renew() {
    if (!refreshing_ && current_) {
        if (replaced_ && !has_passed(renewal_pause, got_at_, context_.now())) return true;
        if (!source_->can_renew()) return false;
    }
    current_ = nullptr;
    return true;
}

}  // namespace flexfs::cloud
