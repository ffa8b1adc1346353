// How Azure's Blob service names containers and blobs, and what its errors mean.
#pragma once

#include <memory>
#include <string>

#include "lib/object/bucket.h"
#include "lib/object/dialect.h"
#include "lib/object/endpoint.h"

namespace flexfs::object {

struct AzureOptions {
    std::string account;
    std::string container;
    std::string prefix;    // without a '/' at its ends; may be empty
    std::string endpoint;  // empty: https://ACCOUNT.blob.core.windows.net
    Throttled throttled;
};

class AzureDialect final : public Dialect {
public:
    // EINVAL with a sentence that says which option is wrong.
    static Result<std::unique_ptr<AzureDialect>> make(const AzureOptions& options);

    std::string url(const std::string& key, const std::string& query) const override;
    std::string address() const override { return "azure://" + container_; }
    std::string endpoint() const override { return endpoint_.text(); }
    std::string_view permission(Purpose purpose) const override;
    std::span<const ErrorRow> errors() const override;
    std::string_view refined_name(const Failure& failure, Purpose purpose) const override;
    http::Headers headers() const override;
    http::Headers put_headers() const override { return {{"x-ms-blob-type", "BlockBlob"}}; }
    bool digests_puts() const override { return true; }
    http::Header condition(const std::string& tag) const override;
    std::string_view tag_header() const override { return "ETag"; }

private:
    AzureDialect() = default;

    std::string container_;
    Endpoint endpoint_;
};

}  // namespace flexfs::object
