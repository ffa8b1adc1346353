#include "lib/object/faulty.h"

#include <cerrno>

#include "lib/base/format.h"

namespace flexfs::object {
namespace {

constexpr Duration stall_max = std::chrono::hours(1);

}  // namespace

Faulty::Faulty(Loop& loop, std::unique_ptr<Store> inner, Faults faults)
    : loop_(loop), inner_(std::move(inner)), faults_(faults), dice_(faults.seed) {}

bool Faulty::happens(double probability) {
    // A fault that is off draws no random number, so switching one fault on does not change the
    // others.
    return probability > 0 && std::uniform_real_distribution<>(0, 1)(dice_) < probability;
}

// `request` has not been started. If it is never to run, `lost` is increased by `count` instead.
template <class T>
Task<T> Faulty::disturb(Task<T> request, std::uint64_t Counters::* lost, std::uint64_t count) {
    const bool stalls = happens(faults_.stall);
    const bool fails = happens(faults_.errors);
    const bool carried_out = fails && happens(0.5);
    co_await loop_.sleep(faults_.latency);
    if (stalls || (fails && !carried_out)) lost_.*lost += count;
    if (stalls) {
        co_await loop_.sleep(stall_max);
        co_await fail(EIO, "injected stall");
    }
    Result<T> answer = fail(EIO, "injected fault");
    if (!fails || carried_out) answer = co_await result(std::move(request));
    if (carried_out) answer = fail(EIO, "injected fault, after the request was done");
    co_return co_await std::move(answer);
}

Buffer Faulty::spoil(Buffer good) {
    if (good.empty()) return good;
    const auto below = [this](std::size_t bound) {
        return std::uniform_int_distribution<std::size_t>(0, bound - 1)(dice_);
    };
    if (happens(faults_.truncate)) return good.slice(0, below(good.size()));
    if (!happens(faults_.lies)) return good;
    WritableBuffer lie(good.size());
    std::memcpy(lie.data(), good.data(), good.size());
    const std::size_t bit = below(good.size() * 8);
    lie.data()[bit / 8] ^= std::byte(1 << bit % 8);
    return std::move(lie).freeze();
}

Task<void> Faulty::put(std::string key, std::vector<Buffer> pieces) {
    co_await disturb(inner_->put(std::move(key), std::move(pieces)), &Counters::puts, 1);
}

Task<Buffer> Faulty::get(std::string key, std::uint64_t offset, std::size_t size) {
    auto request = inner_->get(std::move(key), offset, size);
    co_return spoil(co_await disturb(std::move(request), &Counters::gets, 1));
}

Task<Buffer> Faulty::get(std::string key) {
    co_return spoil(co_await disturb(inner_->get(std::move(key)), &Counters::gets, 1));
}

Task<std::uint64_t> Faulty::size(std::string key) {
    co_return co_await disturb(inner_->size(std::move(key)), &Counters::gets, 1);
}

Task<void> Faulty::remove(std::vector<std::string> keys) {
    const std::size_t count = keys.size();
    co_await disturb(inner_->remove(std::move(keys)), &Counters::deletes, count);
}

Task<Page> Faulty::list(std::string prefix, std::string after, std::size_t limit) {
    auto request = inner_->list(std::move(prefix), std::move(after), limit);
    co_return co_await disturb(std::move(request), &Counters::lists, 1);
}

Task<Versioned> Faulty::get_versioned(std::string key) {
    auto request = inner_->get_versioned(std::move(key));
    Versioned got = co_await disturb(std::move(request), &Counters::gets, 1);
    got.content = spoil(std::move(got.content));
    co_return got;
}

Task<std::string> Faulty::put_if(std::string key, Buffer content, std::string tag) {
    auto request = inner_->put_if(std::move(key), std::move(content), std::move(tag));
    co_return co_await disturb(std::move(request), &Counters::puts, 1);
}

Counters Faulty::counters() const {
    Counters all = inner_->counters();
    all.gets += lost_.gets;
    all.puts += lost_.puts;
    all.deletes += lost_.deletes;
    all.lists += lost_.lists;
    return all;
}

}  // namespace flexfs::object
