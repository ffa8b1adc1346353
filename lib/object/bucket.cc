#include "lib/object/bucket.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/base/text.h"
#include "lib/crypto/crypto.h"
#include "lib/loop/pool.h"
#include "lib/object/bucket_errors.h"
#include "lib/object/http_text.h"

namespace flexfs::object {
namespace {

// Hashing less than this takes less time than a trip to the pool.
constexpr std::uint64_t hash_here_bytes_max = 64 << 10;
constexpr unsigned moves_max = 2;
constexpr std::uint64_t retry_after_max = 3600;

Task<std::string> digest_of(Loop& loop, std::vector<Buffer> pieces) {
    const auto hash = [&]() -> Result<Buffer> { return crypto::md5(pieces); };
    if (total_bytes(pieces) <= hash_here_bytes_max) co_return to_base64(*hash());
    co_return to_base64(co_await offload(loop, hash));
}

// The header has seconds, or a date, which is too rare to be read.
Duration retry_after(const http::Headers& headers) {
    const auto value = headers.find("Retry-After");
    if (!value) return {};
    const auto seconds = parse_number(*value);
    return std::chrono::seconds(seconds ? std::min(*seconds, retry_after_max) : 0);
}

}  // namespace

Bucket::Bucket(Loop& loop, http::Client& client, std::unique_ptr<cloud::Signer> signer,
               std::unique_ptr<Dialect> dialect, Throttled throttled)
    : loop_(loop),
      client_(client),
      signer_(std::move(signer)),
      dialect_(std::move(dialect)),
      throttled_(std::move(throttled)),
      digest_puts_(dialect_->digests_puts()) {
    if (!dialect_->region().empty()) signer_->set_region(dialect_->region());
}

Task<http::Request> Bucket::prepared(const BucketRequest& request) {
    http::Request made{.method = request.method,
                       .url = dialect_->url(request.key, request.query),
                       .headers = request.headers,
                       .body = request.body,
                       .response_bytes_max = request.response_bytes_max};
    for (const http::Header& header : dialect_->headers())
        made.headers.set(header.name, header.value);
    if (request.digest || (digest_puts_ && request.purpose == Purpose::put))
        made.headers.set("Content-MD5", co_await digest_of(loop_, request.body));
    co_await signer_->sign(made);
    co_return made;
}

Task<http::Response> Bucket::send(BucketRequest request) {
    Progress progress;
    for (;;) {
        progress.credentials = credentials_;
        progress.region = dialect_->region();
        progress.digested = digest_puts_;
        http::Response response = co_await client_.send(co_await prepared(request));
        if (response.status / 100 == 2) co_return response;

        const Failure failure = read_failure(response);
        if (request.method == "HEAD" && failure.name.empty() && failure.status < 500 &&
            failure.status != 429) {
            request.method = "GET";
            request.headers.set("Range", "bytes=0-0");
            continue;
        }
        const ErrorRow row = row_of(*dialect_, failure, request.purpose);
        if (co_await repair(row.remedy, response, failure, progress)) continue;
        co_await fail(explained(*dialect_, row, failure, request.purpose, signer_->describe()));
    }
}

Task<bool> Bucket::repair(Remedy remedy, const http::Response& response, Failure failure,
                          Progress& progress) {
    switch (remedy) {
        case Remedy::none: break;
        case Remedy::throttle:
            if (throttled_) throttled_(retry_after(response.headers));
            break;
        case Remedy::renew:
            // Of many requests that were signed with the same credentials, one renews them.
            if (std::exchange(progress.renewed, true)) break;
            if (progress.credentials != credentials_) co_return true;
            if (!signer_->renew()) break;
            ++credentials_;
            co_return true;
        case Remedy::clock: {
            const auto header = response.headers.find("Date");
            if (!header || std::exchange(progress.clock_set, true)) break;
            const auto now = parse_http_date(*header);
            if (!now) break;
            signer_->set_clock(*now);
            co_return true;
        }
        case Remedy::region:
            co_return progress.moves++ <
                moves_max&& co_await move(std::move(failure.region), progress);
        case Remedy::digest: digest_puts_ = true; co_return !progress.digested;
    }
    co_return false;
}

Task<bool> Bucket::move(std::string region, Progress& progress) {
    if (dialect_->region() != progress.region) co_return true;  // another request has learned it
    if (region.empty() || region == progress.region) region = co_await ask_for_region();
    // It becomes a part of a host name.
    const auto allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    if (region.empty() || region.size() > 63 ||
        region.find_first_not_of(allowed) != std::string::npos)
        co_return false;
    if (region == progress.region) co_return false;
    dialect_->set_region(region);
    signer_->set_region(std::move(region));
    co_return true;
}

// The answer to HEAD of a bucket names its region, whatever its status.
Task<std::string> Bucket::ask_for_region() {
    http::Request request{.method = "HEAD", .url = dialect_->url("", "")};
    co_await signer_->sign(request);
    co_return read_failure(co_await client_.send(std::move(request))).region;
}

Error Bucket::error_of(const Failure& failure, Purpose purpose) const {
    const ErrorRow row = row_of(*dialect_, failure, purpose);
    if (row.remedy == Remedy::throttle && throttled_) throttled_({});
    return explained(*dialect_, row, failure, purpose, signer_->describe());
}

Error Bucket::strange_answer(std::string_view what) const {
    return Error{EIO, fmt::format("{} gave a wrong answer: {}", dialect_->endpoint(), what), true};
}

Error Bucket::wrong_answer(const Error& error) const {
    if (error.code == EIO) return strange_answer(error.context);
    if (error.code == EINVAL)
        return Error{EINVAL,
                     fmt::format("{} does not answer as an object store does; check the endpoint",
                                 dialect_->endpoint()),
                     true};
    return error;
}

}  // namespace flexfs::object
