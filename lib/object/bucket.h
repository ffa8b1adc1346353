// A bucket behind HTTP: signs and sends requests, and turns every unsuccessful answer into an errno
// and a sentence. A request is repeated only if the cause can be repaired at once: expired
// credentials, a wrong clock, another region, a digest that the bucket demands.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/cloud/signer.h"
#include "lib/http/client.h"
#include "lib/loop/loop.h"
#include "lib/object/dialect.h"

namespace flexfs::object {

// Called for each answer that asks for fewer requests, with the time that the provider wants to
// pass before the next (Retry-After); zero if it does not say.
using Throttled = std::function<void(Duration)>;

struct BucketRequest {
    Purpose purpose = Purpose::get;
    std::string method = "GET";
    std::string key;    // empty: the bucket itself
    std::string query;  // escaped
    http::Headers headers;
    std::vector<Buffer> body;
    bool digest = false;  // adds Content-MD5
    std::uint64_t response_bytes_max = 1 << 20;
};

class Bucket {
public:
    // `client` must outlive the bucket.
    Bucket(Loop& loop, http::Client& client, std::unique_ptr<cloud::Signer> signer,
           std::unique_ptr<Dialect> dialect, Throttled throttled);

    const Dialect& dialect() const { return *dialect_; }

    // Returns a successful answer (status 2xx). Any other is an error with a sentence: EACCES,
    // ENOENT (an object), ENODEV (the bucket), EEXIST (a condition does not hold), ERANGE,
    // EOPNOTSUPP, EDQUOT, ENOSPC, EAGAIN (fewer requests are wanted), EBUSY, EINVAL (the
    // configuration is wrong), EFBIG, or EIO; or one of http::Client and cloud::Signer.
    //
    // An answer to HEAD cannot say what is wrong. If there is none but an error, the first byte of
    // the object is asked for, and the answer to that is returned.
    Task<http::Response> send(BucketRequest request);
    // The error of something that failed although the answer as a whole did not.
    Error error_of(const Failure& failure, Purpose purpose) const;
    // An answer that no store gives: EIO, so that the request is repeated. `what` is a phrase.
    Error strange_answer(std::string_view what) const;
    // The error of a parser: of code EIO, with a phrase; of code EINVAL, if the answer is not from
    // an object store; any other code remains.
    Error wrong_answer(const Error& error) const;

    // Signs a request that is a part of another one.
    Task<void> sign(http::Request& request) { return signer_->sign(request); }

    Task<void> close() { return signer_->close(); }

private:
    // The repairs that were tried for one request, and the state that it was made with.
    struct Progress {
        bool renewed = false, clock_set = false, digested = false;
        unsigned moves = 0;
        std::uint64_t credentials = 0;
        std::string region;
    };

    Task<http::Request> prepared(const BucketRequest& request);
    // True if the request is worth repeating.
    Task<bool> repair(Remedy remedy, const http::Response& response, Failure failure,
                      Progress& progress);
    Task<bool> move(std::string region, Progress& progress);
    Task<std::string> ask_for_region();

    Loop& loop_;
    http::Client& client_;
    std::unique_ptr<cloud::Signer> signer_;
    std::unique_ptr<Dialect> dialect_;
    Throttled throttled_;
    bool digest_puts_;
    std::uint64_t credentials_ = 0;  // how often they were renewed
};

}  // namespace flexfs::object
