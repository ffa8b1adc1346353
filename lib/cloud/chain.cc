#include "lib/cloud/chain.h"

#include <cerrno>

#include "lib/base/format.h"

namespace flexfs::cloud {

Task<Credentials> Chain::get() {
    if (found_) co_return co_await found_->get();
    Found found = co_await find();
    std::string places = fmt::format("{}", fmt::join(found.looked_at, ", "));
    if (!found.source)
        co_return explain(EACCES, fmt::format("no credentials found in {}. {}", places, advice()));
    auto got = co_await result(found.source->get());
    if (!got && found.guessed && got.error().code != ECANCELED)
        co_return explain(EACCES, fmt::format("no credentials found in {}, and {}. {}", places,
                                              got.error().message(), advice()));
    Credentials credentials = co_await std::move(got);
    found_ = std::move(found.source);
    co_return credentials;
}

std::string Chain::describe() const {
    return found_ ? found_->describe() : "credentials that were not found yet";
}

}  // namespace flexfs::cloud
