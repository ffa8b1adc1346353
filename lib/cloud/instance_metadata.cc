#include "lib/cloud/instance_metadata.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/cloud/answer.h"
#include "lib/cloud/secret_files.h"
#include "lib/cloud/url.h"

namespace flexfs::cloud {
namespace {

constexpr const char* metadata_service = "the instance metadata service";
constexpr const char* roles_path = "/latest/meta-data/iam/security-credentials/";

Result<Credentials> parse_key(const Json& answer, const std::string& whose, Time now) {
    if (answer.contains("Code") && answer["Code"].is_string() && answer["Code"] != "Success") {
        TRY(const std::string code, text_field(answer, "Code", whose));
        return explain(EACCES, fmt::format("{} reports {}", whose, code.substr(0, 100)));
    }
    Credentials got{.kind = Credentials::Kind::key};
    TRY(got.id, text_field(answer, "AccessKeyId", whose));
    TRY(got.secret, text_field(answer, "SecretAccessKey", whose));
    TRY(got.session_token, text_field(answer, "Token", whose));
    TRY(got.expires, expiry_field(answer, "Expiration", whose, now));
    return got;
}

// The characters of a role's name do not need to be escaped.
bool is_role_name(std::string_view name) {
    return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("+=,.@-_").contains(c);
    });
}

std::string metadata_endpoint(const Context& context) {
    std::string endpoint = context.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    while (endpoint.ends_with('/')) endpoint.pop_back();
    if (!endpoint.empty()) return endpoint;
    const std::string mode = lower_case(context.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"));
    return mode == "ipv6" ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
}

class InstanceMetadata final : public Source {
public:
    explicit InstanceMetadata(Context& context) : context_(context) {}

    Task<Credentials> get() override {
        const std::string endpoint = metadata_endpoint(context_);
        http::Request permit{.method = "PUT", .url = endpoint + "/latest/api/token"};
        permit.headers.set("X-aws-ec2-metadata-token-ttl-seconds", "300");
        const std::string permission = co_await ask(permit);
        if (permission.empty() || !fits_header(permission))
            co_return explain(
                EIO, fmt::format("{} gave a session token that cannot be used", metadata_service));
        http::Request about_role{.url = endpoint + roles_path};
        about_role.headers.set("X-aws-ec2-metadata-token", permission);
        std::string role = co_await ask(about_role);
        role = role.substr(0, role.find_first_of("\r\n"));
        if (!is_role_name(role))
            co_return explain(EACCES,
                              fmt::format("{} names no role for this machine", metadata_service));
        http::Request about_key{.url = endpoint + roles_path + role};
        about_key.headers.set("X-aws-ec2-metadata-token", permission);
        const Json answer =
            co_await ask_for_json(context_.local_client(), about_key, metadata_service);
        role_ = role;
        co_return parse_key(answer, fmt::format("the answer of {}", metadata_service),
                            context_.now());
    }
    std::string describe() const override {
        return role_.empty() ? metadata_service
                             : fmt::format("role {} of {}", role_, metadata_service);
    }
    bool can_renew() override { return true; }

private:
    Task<std::string> ask(http::Request request) {
        return cloud::ask(context_.local_client(), std::move(request), metadata_service);
    }

    Context& context_;
    std::string role_;
};

constexpr const char* container_service = "the container credentials endpoint";

// The addresses of ECS and EKS, which only a container's own host answers.
bool is_container_host(std::string_view host) {
    return host == "169.254.170.2" || host == "169.254.170.23" || host == "[fd00:ec2::23]";
}

class ContainerEndpoint final : public Source {
public:
    ContainerEndpoint(Context& context, std::string url, bool local)
        : context_(context), url_(std::move(url)), local_(local) {}

    Task<Credentials> get() override {
        http::Request request{.url = url_};
        std::string token = context_.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
        const std::string file = context_.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        if (!file.empty()) token = co_await read_token_file(context_.loop(), file);
        if (!fits_header(token))
            co_return explain(EACCES, "AWS_CONTAINER_AUTHORIZATION_TOKEN has several lines");
        if (!token.empty()) request.headers.set("Authorization", token);
        http::Client& client = local_ ? context_.local_client() : context_.client();
        const Json answer = co_await ask_for_json(client, std::move(request), container_service);
        co_return parse_key(answer, fmt::format("the answer of {}", container_service),
                            context_.now());
    }
    std::string describe() const override { return container_service; }
    bool can_renew() override { return true; }

private:
    Context& context_;
    std::string url_;
    bool local_;
};

}  // namespace

std::unique_ptr<Source> instance_metadata(Context& context) {
    if (lower_case(context.variable("AWS_EC2_METADATA_DISABLED")) == "true") return nullptr;
    return std::make_unique<InstanceMetadata>(context);
}

Result<std::unique_ptr<Source>> container_endpoint(Context& context) {
    const std::string path = context.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    std::string url = context.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    // A path that did not begin with a slash could name another host.
    if (!path.empty() && path.front() != '/')
        return explain(EACCES,
                       "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with a slash");
    if (!path.empty()) url = "http://169.254.170.2" + path;
    if (url.empty()) return nullptr;
    const auto parts = split_url(url);
    if (!parts || !(is_private(url) || is_container_host(parts->host)))
        return explain(EACCES,
                       "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither a URL with https:// "
                       "nor one of this machine, of ECS or of EKS");
    return std::make_unique<ContainerEndpoint>(context, std::move(url), parts->scheme == "http");
}

}  // namespace flexfs::cloud
