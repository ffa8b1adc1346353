// How the S3 API names buckets and objects, and what its errors mean. Google's XML API and Oracle's
// compatible one are S3 with other hosts and other permissions.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/object/bucket.h"
#include "lib/object/dialect.h"
#include "lib/object/endpoint.h"

namespace flexfs::object {

struct S3Options {
    enum class Provider { s3, google, oracle };

    Provider provider = Provider::s3;
    std::string bucket;
    std::string prefix;    // without a '/' at its ends; may be empty
    std::string endpoint;  // https://host[:port][/path]; empty: that of the provider
    // Empty: the one in the endpoint, else the provider's default; a wrong one is corrected by what
    // the provider answers. Oracle's must be known if there is no endpoint.
    std::string region;
    std::string account;  // Oracle's namespace, if there is no endpoint
    // The bucket in the path of URLs, not in the host. If nothing is said: where the host is an
    // address or not the provider's, or the name of the bucket does not fit into a host.
    std::optional<bool> path_style;
    std::string sse;  // "", "AES256", "aws:kms" or "aws:kms:KEY"
    Throttled throttled;
};

class S3Dialect final : public Dialect {
public:
    // EINVAL with a sentence that says which option is wrong.
    static Result<std::unique_ptr<S3Dialect>> make(const S3Options& options);

    std::string url(const std::string& key, const std::string& query) const override;
    std::string address() const override;
    std::string endpoint() const override { return endpoint_.text(); }
    std::string_view permission(Purpose purpose) const override;
    std::span<const ErrorRow> errors() const override;
    std::string_view refined_name(const Failure& failure, Purpose purpose) const override;
    http::Headers put_headers() const override { return put_headers_; }
    bool digests_puts() const override { return google(); }
    http::Header condition(const std::string& tag) const override;
    std::string_view tag_header() const override { return google() ? "x-goog-generation" : "ETag"; }
    std::string region() const override { return region_; }
    void set_region(std::string region) override;

private:
    S3Dialect() = default;
    bool google() const { return provider_ == S3Options::Provider::google; }
    Result<void> place(const S3Options& options);
    Result<void> set_sse(std::string_view sse);

    S3Options::Provider provider_{};
    std::string bucket_;
    Endpoint endpoint_;
    bool is_default_ = false;  // the endpoint follows the region
    bool path_style_ = false;
    std::string region_;
    http::Headers put_headers_;
};

}  // namespace flexfs::object
