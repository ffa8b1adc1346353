#include "lib/object/measured.h"

#include <cerrno>
#include <type_traits>

namespace flexfs::object {
namespace {

constexpr const char* verb_names[] = {"get", "put", "delete", "list", "head"};
constexpr const char* outcome_names[] = {"ok",      "missing",  "refused", "exists",
                                         "timeout", "given_up", "failed"};

}  // namespace

Measured::Measured(std::unique_ptr<Store> inner, metrics::Registry& metrics)
    : inner_(std::move(inner)) {
    static_assert(std::size(verb_names) == verbs && std::size(outcome_names) == outcomes);
    for (std::size_t verb = 0; verb < verbs; ++verb) {
        durations_[verb] =
            &metrics.histogram("flexfs_mount_object_request_duration_seconds",
                               "Time of a request to the store; repeated requests count each time.",
                               {{"verb", verb_names[verb]}});
        for (std::size_t outcome = 0; outcome < outcomes; ++outcome)
            requests_[verb][outcome] = &metrics.counter(
                "flexfs_mount_object_requests_total", "Requests to the store, by how they ended.",
                {{"verb", verb_names[verb]}, {"outcome", outcome_names[outcome]}});
    }
}

Measured::Outcome Measured::outcome_of(int code) {
    switch (code) {
        case 0: return ok;
        case ENOENT: return missing;
        case EACCES:
        case EPERM:
        case EROFS: return refused;
        case EEXIST: return exists;
        case ETIMEDOUT: return timeout;
        case ECANCELED: return given_up;
        default: return failed;
    }
}

template <class T>
Task<T> Measured::measure(Verb verb, Task<T> request) {
    const Duration began = monotonic_now();
    auto outcome = co_await result(std::move(request));
    requests_[verb][outcome_of(code_of(outcome))]->add();
    durations_[verb]->record(monotonic_now() - began);
    if constexpr (std::is_void_v<T>) co_await std::move(outcome);
    else co_return std::move(outcome);
}

Task<void> Measured::put(std::string key, std::vector<Buffer> pieces) {
    return measure(put_verb, inner_->put(std::move(key), std::move(pieces)));
}
Task<Buffer> Measured::get(std::string key, std::uint64_t offset, std::size_t size) {
    return measure(get_verb, inner_->get(std::move(key), offset, size));
}
Task<std::vector<Buffer>> Measured::get_ranges(std::string key, std::vector<ByteRange> ranges) {
    return measure(get_verb, inner_->get_ranges(std::move(key), std::move(ranges)));
}
Task<Buffer> Measured::get(std::string key) {
    return measure(get_verb, inner_->get(std::move(key)));
}
Task<std::uint64_t> Measured::size(std::string key) {
    return measure(head_verb, inner_->size(std::move(key)));
}
Task<void> Measured::remove(std::vector<std::string> keys) {
    return measure(delete_verb, inner_->remove(std::move(keys)));
}
Task<Page> Measured::list(std::string prefix, std::string after, std::size_t limit) {
    return measure(list_verb, inner_->list(std::move(prefix), std::move(after), limit));
}
Task<Versioned> Measured::get_versioned(std::string key) {
    return measure(get_verb, inner_->get_versioned(std::move(key)));
}
Task<std::string> Measured::put_if(std::string key, Buffer content, std::string tag) {
    return measure(put_verb, inner_->put_if(std::move(key), std::move(content), std::move(tag)));
}

}  // namespace flexfs::object
