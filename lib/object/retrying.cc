#include "lib/object/retrying.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "lib/base/format.h"
#include "lib/base/text.h"
#include "lib/task/sync.h"

namespace flexfs::object {
namespace {

// True for transient faults. Every other error is an answer or permanent.
bool may_pass(int code) {
    switch (code) {
        case EIO:
        case EAGAIN:
        case EBUSY:
        case EINTR:
        case ETIMEDOUT:
        case ECONNREFUSED:
        case ECONNRESET:
        case ECONNABORTED:
        case EPIPE:
        case EPROTO:
        case EHOSTUNREACH:
        case ENETUNREACH:
        case ENETDOWN: return true;
        default: return false;
    }
}

// A running try. The waiting task, the request and the alarm share it; the request may be the last
// to end.
template <class T>
struct Try {
    task::StopSource stop_request;
    task::StopSource stop_alarm;
    task::Event over;  // set by an answer or by the timeout
    std::optional<Result<T>> answer;
};

template <class T>
Task<void> carry_out(std::shared_ptr<Try<T>> one, Task<T> request) {
    one->answer = co_await result(std::move(request));
    one->over.set();
}

template <class T>
Task<void> ring(std::shared_ptr<Try<T>> one, Loop& loop, Duration timeout) {
    co_await loop.sleep(timeout);
    one->over.set();
}

}  // namespace

Retrying::Retrying(Loop& loop, std::unique_ptr<Store> inner, RetryPolicy policy)
    : loop_(loop), inner_(std::move(inner)), policy_(policy), dice_(policy.seed) {}

// Returns the answer, or ETIMEDOUT. A request that does not stop when told to continues in
// requests_; its answer is dropped.
template <class T>
Task<T> Retrying::within(Duration timeout, Task<T> request) {
    auto one = std::make_shared<Try<T>>();
    requests_.start(carry_out(one, std::move(request)), &one->stop_request);
    if (!one->answer) {
        requests_.start(ring(one, loop_, timeout), &one->stop_alarm);
        auto waited = co_await result(one->over.wait());
        one->stop_alarm.request();
        if (!one->answer) one->stop_request.request();
        co_await std::move(waited);  // ECANCELED
    }
    if (!one->answer)
        co_await fail(ETIMEDOUT, fmt::format("no answer within {}", format_duration(timeout)));
    co_return co_await std::move(*one->answer);
}

Duration Retrying::pause(unsigned tried) {
    const std::int64_t factor = 1 << std::min(tried - 1, 20u);
    const Duration full = std::min<Duration>(policy_.pause_min * factor, policy_.pause_max);
    std::uniform_int_distribution<Duration::rep> some(full.count() / 2, full.count());
    return Duration(some(dice_));
}

template <class Ask>
std::invoke_result_t<Ask&> Retrying::persist(std::string what, Duration timeout, Ask ask) {
    const Duration began = monotonic_now();
    for (unsigned tries = 1;; ++tries) {
        const Duration most =
            answered_ ? policy_.time_max : std::min(policy_.time_max, policy_.first_time_max);
        auto answer = co_await result(
            within(answered_ ? timeout : std::min(timeout, policy_.first_try_timeout), ask()));
        if (answer || !may_pass(answer.error().code)) {
            if (code_of(answer) != ECANCELED) answered_ = true;
            co_return co_await std::move(answer);
        }

        const Duration next = pause(tries);
        const Duration spent = monotonic_now() - began;
        if (tries >= policy_.tries_max || spent + next > most) {
            answer = fail(EIO, fmt::format("{}: gave up after {} tries in {}: {}", what, tries,
                                           format_duration(spent), answer.error().message()));
            co_return co_await std::move(answer);
        }
        co_await loop_.sleep(next);
    }
}

Task<void> Retrying::put(std::string key, std::vector<Buffer> pieces) {
    co_await persist("put " + key, policy_.put_timeout, [&] { return inner_->put(key, pieces); });
}

Task<Buffer> Retrying::get_exactly(std::string key, std::uint64_t offset, std::size_t size) {
    Buffer got = co_await inner_->get(std::move(key), offset, size);
    if (got.size() != size)
        co_await fail(EIO, fmt::format("{} bytes came instead of {}", got.size(), size));
    co_return got;
}

Task<Buffer> Retrying::get(std::string key, std::uint64_t offset, std::size_t size) {
    co_return co_await persist("get " + key, policy_.get_timeout,
                               [&] { return get_exactly(key, offset, size); });
}

Task<std::vector<Buffer>> Retrying::get_ranges_exactly(std::string key,
                                                       std::vector<ByteRange> ranges) {
    std::vector<Buffer> got = co_await inner_->get_ranges(std::move(key), ranges);
    const auto fits = [](const Buffer& piece, const ByteRange& range) {
        return piece.size() == range.size;
    };
    if (!std::ranges::equal(got, ranges, fits)) co_await fail(EIO, "bytes are missing");
    co_return got;
}

Task<std::vector<Buffer>> Retrying::get_ranges(std::string key, std::vector<ByteRange> ranges) {
    co_return co_await persist("get " + key, policy_.get_timeout,
                               [&] { return get_ranges_exactly(key, ranges); });
}

Task<Buffer> Retrying::get(std::string key) {
    const std::uint64_t bytes = co_await size(key);
    if (bytes > object_bytes_max)
        co_await fail(EFBIG, fmt::format("object {} has {}", key, format_size(bytes)));
    co_return co_await get(std::move(key), 0, bytes);
}

Task<std::uint64_t> Retrying::size(std::string key) {
    co_return co_await persist("size of " + key, policy_.other_timeout,
                               [&] { return inner_->size(key); });
}

Task<void> Retrying::remove(std::vector<std::string> keys) {
    co_await persist("remove", policy_.other_timeout, [&] { return inner_->remove(keys); });
}

Task<Page> Retrying::list(std::string prefix, std::string after, std::size_t limit) {
    co_return co_await persist("list " + prefix, policy_.other_timeout,
                               [&] { return inner_->list(prefix, after, limit); });
}

Task<Versioned> Retrying::get_versioned(std::string key) {
    co_return co_await persist("get " + key, policy_.other_timeout,
                               [&] { return inner_->get_versioned(key); });
}

Task<std::string> Retrying::put_if(std::string key, Buffer content, std::string tag) {
    co_return co_await persist("put " + key, policy_.other_timeout,
                               [&] { return inner_->put_if(key, content, tag); });
}

Task<void> Retrying::close() {
    co_await requests_.close();
    co_await inner_->close();
}

}  // namespace flexfs::object
