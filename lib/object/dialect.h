// The differences between the providers of buckets that are reached by HTTP: URLs, headers, and the
// meaning of errors.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lib/http/message.h"

namespace flexfs::object {

// The purpose of a request. It decides which permission a refused request lacked.
enum class Purpose { get, put, remove, list };

// A way to repair an error before the request is sent once more.
enum class Remedy {
    none,
    throttle,  // the caller of the store slows down, and repeats
    renew,     // get new credentials
    clock,     // use the provider's clock
    region,    // send it to the region that has the bucket
    digest,    // send a digest of the content, too
};

// One error of a provider. `name` is its code, or an HTTP status for answers without a code. The
// sentence may contain {address}, {endpoint}, {credentials}, {permission}, {action}.
struct ErrorRow {
    std::string_view name;
    int code;  // an errno
    Remedy remedy;
    std::string_view sentence;
};

// The content of an unsuccessful answer.
struct Failure {
    unsigned status = 0;
    std::string name;     // the provider's code; empty if the answer is none of a provider
    std::string message;  // of the provider, fit to be shown
    std::string detail;   // more of it, not to be shown
    std::string region;   // that has the bucket, if the answer names it
};

class Dialect {
public:
    virtual ~Dialect() = default;

    // Returns the URL of an object, or of the bucket if the key is empty. `query` is escaped.
    virtual std::string url(const std::string& key, const std::string& query) const = 0;
    // For messages: "s3://bucket" and "https://s3.eu-west-1.amazonaws.com".
    virtual std::string address() const = 0;
    virtual std::string endpoint() const = 0;
    virtual std::string_view permission(Purpose purpose) const = 0;
    virtual std::span<const ErrorRow> errors() const = 0;
    // Returns the name under which errors() has the failure, if that is not its own.
    virtual std::string_view refined_name(const Failure& failure, Purpose purpose) const = 0;

    // Returns the headers that each request has, and those that each put has beside them.
    virtual http::Headers headers() const { return {}; }
    virtual http::Headers put_headers() const = 0;
    // True if puts have a digest, because a signature does not cover the content.
    virtual bool digests_puts() const = 0;
    // Returns the header that makes a put conditional: on the tag, or on the absence of the object
    // if the tag is empty.
    virtual http::Header condition(const std::string& tag) const = 0;
    // Names the header of answers that has the tag.
    virtual std::string_view tag_header() const = 0;

    // The region that requests are signed for. Empty if the provider has none.
    virtual std::string region() const { return {}; }
    virtual void set_region(std::string) {}
};

}  // namespace flexfs::object
