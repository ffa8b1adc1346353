#include "lib/object/s3_dialect.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/object/http_text.h"
#include "lib/object/store.h"

namespace flexfs::object {
namespace {

using Provider = S3Options::Provider;

constexpr std::string_view name_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
constexpr std::string_view label_characters = "abcdefghijklmnopqrstuvwxyz0123456789-";

bool consists_of(std::string_view text, std::string_view characters) {
    return text.find_first_not_of(characters) == std::string_view::npos;
}

std::string_view scheme_of(Provider provider) {
    switch (provider) {
        case Provider::s3: return "s3";
        case Provider::google: return "gs";
        case Provider::oracle: return "oci";
    }
    return "";
}

std::string_view default_region(Provider provider) {
    switch (provider) {
        case Provider::s3: return "us-east-1";
        case Provider::google: return "auto";
        case Provider::oracle: return "";
    }
    return "";
}

bool is_of_amazon(const Endpoint& endpoint) {
    return endpoint.name().ends_with(".amazonaws.com") ||
           endpoint.name().ends_with(".amazonaws.com.cn");
}

// Returns "eu-west-1" for "s3.eu-west-1.amazonaws.com".
std::string region_in(const Endpoint& endpoint) {
    if (!is_of_amazon(endpoint) || !endpoint.name().starts_with("s3.")) return {};
    const auto rest = endpoint.name().substr(3);
    const auto region = rest.substr(0, rest.find('.'));
    return std::string(region == "amazonaws" || region == "dualstack" ? "" : region);
}

std::string host_of_amazon(const std::string& region) {
    const auto* const domain = region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
    return fmt::format("s3.{}.{}", region, domain);
}

std::unexpected<Error> wrong(std::string sentence) {
    return fail(EINVAL, std::move(sentence));
}

}  // namespace

Result<std::unique_ptr<S3Dialect>> S3Dialect::make(const S3Options& options) {
    if (options.bucket.empty() || options.bucket.size() > 255 ||
        !consists_of(options.bucket, name_characters) || options.bucket.starts_with('.'))
        return wrong(
            fmt::format("'{}' is not the name of a bucket; names consist of letters, "
                        "digits, '-', '.' and '_'",
                        options.bucket.substr(0, 255)));
    if (!options.prefix.empty() && !check_key(options.prefix))
        return wrong(
            fmt::format("'{}' cannot be the prefix of a store; its names may neither be "
                        "empty nor begin with '.'",
                        options.prefix.substr(0, 255)));
    if (!consists_of(options.region, name_characters) || options.region.size() > 63)
        return wrong(fmt::format("'{}' is not the name of a region", options.region.substr(0, 63)));
    std::unique_ptr<S3Dialect> made(new S3Dialect);
    made->provider_ = options.provider;
    made->bucket_ = options.bucket;
    TRY(made->place(options));
    TRY(made->set_sse(options.sse));
    return made;
}

Result<void> S3Dialect::place(const S3Options& options) {
    is_default_ = options.endpoint.empty();
    if (!is_default_) {
        TRY(endpoint_, parse_endpoint(options.endpoint));
    }
    region_ = options.region;
    if (region_.empty()) region_ = region_in(endpoint_);
    if (region_.empty()) region_ = default_region(provider_);
    if (is_default_) {
        switch (provider_) {
            case Provider::s3: endpoint_ = {"https", host_of_amazon(region_), ""}; break;
            case Provider::google: endpoint_ = {"https", "storage.googleapis.com", ""}; break;
            case Provider::oracle:
                if (region_.empty() || options.account.empty() ||
                    !consists_of(options.account, label_characters))
                    return wrong(
                        "an oci:// address needs region=REGION and account=NAMESPACE (the "
                        "namespace of the tenancy), or endpoint=URL");
                endpoint_ = {"https",
                             fmt::format("{}.compat.objectstorage.{}.oraclecloud.com",
                                         options.account, region_),
                             ""};
        }
    }
    const bool fits_host = consists_of(bucket_, label_characters) && bucket_.size() <= 63 &&
                           !bucket_.starts_with('-') && !bucket_.ends_with('-');
    const bool takes_buckets = is_of_amazon(endpoint_) && !endpoint_.is_literal();
    path_style_ = options.path_style.value_or(!fits_host || !takes_buckets);
    if (!path_style_ && endpoint_.is_literal())
        return wrong(
            fmt::format("the endpoint {} has an address for a name, so it needs "
                        "pathStyle=true",
                        endpoint_.text()));
    return {};
}

Result<void> S3Dialect::set_sse(std::string_view sse) {
    if (sse.empty()) return {};
    if (provider_ == Provider::google)
        return wrong("a gs:// bucket encrypts by itself; set its key at the bucket, not with sse");
    constexpr std::string_view kms = "aws:kms";
    if (sse == "AES256" || sse == kms) {
        put_headers_.set("x-amz-server-side-encryption", std::string(sse));
        return {};
    }
    const auto key = sse.starts_with(kms) ? sse.substr(kms.size()) : std::string_view{};
    const bool good = key.size() > 1 && key.starts_with(':') &&
                      std::ranges::all_of(key, [](char c) { return c > ' ' && c <= '~'; });
    if (!good)
        return wrong(
            fmt::format("'{}' is not a kind of encryption; write AES256, aws:kms or "
                        "aws:kms:KEY",
                        sse.substr(0, 200)));
    put_headers_.set("x-amz-server-side-encryption", std::string(kms));
    put_headers_.set("x-amz-server-side-encryption-aws-kms-key-id", std::string(key.substr(1)));
    return {};
}

std::string S3Dialect::url(const std::string& key, const std::string& query) const {
    std::string url = endpoint_.scheme + "://";
    if (path_style_) url += endpoint_.host + endpoint_.path + '/' + bucket_;
    else url += bucket_ + '.' + endpoint_.host + endpoint_.path;
    if (!path_style_ || !key.empty()) url += '/' + escaped_path(key);
    return query.empty() ? url : url + '?' + query;
}

std::string S3Dialect::address() const {
    return fmt::format("{}://{}", scheme_of(provider_), bucket_);
}

void S3Dialect::set_region(std::string region) {
    region_ = std::move(region);
    if (is_default_ && provider_ == Provider::s3) endpoint_.host = host_of_amazon(region_);
}

http::Header S3Dialect::condition(const std::string& tag) const {
    if (google()) return {"x-goog-if-generation-match", tag.empty() ? "0" : tag};
    if (tag.empty()) return {"If-None-Match", "*"};
    return {"If-Match", tag};
}

}  // namespace flexfs::object
