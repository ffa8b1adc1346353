#include "lib/cloud/google.h"

#include <unistd.h>

#include <cerrno>

#include "lib/base/format.h"
#include "lib/cloud/answer.h"
#include "lib/cloud/chain.h"
#include "lib/cloud/secret_files.h"
#include "lib/cloud/url.h"
#include "lib/crypto/crypto.h"
#include "lib/loop/pool.h"

namespace flexfs::cloud {
namespace {

constexpr const char* scope = "https://www.googleapis.com/auth/devstorage.read_write";
constexpr const char* token_url = "https://oauth2.googleapis.com/token";
constexpr const char* token_service = "the token server of Google";
constexpr const char* metadata_server = "the metadata server of Google";

Result<Credentials> issued(const Json& answer, const char* service, Time now) {
    TRY(IssuedToken got, token_of(answer, fmt::format("the answer of {}", service), now));
    return Credentials{
        .kind = Credentials::Kind::token, .secret = std::move(got.token), .expires = got.expires};
}

// A key file of a service account, or one that gcloud wrote for its user.
class KeyFile final : public Source {
public:
    KeyFile(Context& context, std::string path) : context_(context), path_(std::move(path)) {}

    Task<Credentials> get() override {
        watched_.note({path_});
        const std::string text = co_await read_secret_file(context_.loop(), path_);
        auto key = parse_json_object(text, path_);
        if (!key) co_return explain(EACCES, key.error().context);
        auto request = co_await result(request_for(std::move(*key)));
        if (!request) co_return explain(EACCES, request.error().context);
        const Json answer =
            co_await ask_for_json(context_.client(), std::move(*request), token_service);
        co_return issued(answer, token_service, context_.now());
    }
    std::string describe() const override { return "the key file " + path_; }
    bool changed() override { return watched_.changed(); }
    bool can_renew() override { return true; }

private:
    Task<http::Request> request_for(Json key) {
        const std::string type = co_await text_field(key, "type", path_);
        std::string url = token_url;
        if (key.contains("token_uri")) url = co_await text_field(key, "token_uri", path_);
        if (!is_private(url))
            co_return explain(EACCES, path_ + " has a token_uri without https://");
        if (type == "service_account") co_return co_await claim_of(std::move(key), std::move(url));
        if (type == "authorized_user") {
            std::string id = co_await text_field(key, "client_id", path_);
            std::string secret = co_await text_field(key, "client_secret", path_);
            std::string token = co_await text_field(key, "refresh_token", path_);
            co_return post_form(std::move(url), form_of({{"grant_type", "refresh_token"},
                                                         {"client_id", std::move(id)},
                                                         {"client_secret", std::move(secret)},
                                                         {"refresh_token", std::move(token)}}));
        }
        co_return explain(EACCES, fmt::format("{} is for credentials of type {}; flexfs can use "
                                              "those of types service_account and authorized_user",
                                              path_, type.substr(0, 100)));
    }

    Task<http::Request> claim_of(Json key, std::string url) {
        ServiceAccount account{.token_url = url};
        account.email = co_await text_field(key, "client_email", path_);
        // The only text that has lines.
        const auto pem = key.find("private_key");
        if (pem == key.end() || !pem->is_string())
            co_return explain(EACCES, path_ + " has no private_key");
        account.key = pem->get<std::string>();
        if (key.contains("private_key_id"))
            account.key_id = co_await text_field(key, "private_key_id", path_);
        const Time now = context_.now();
        auto claim = co_await result(offload(
            context_.loop(), [&account, now] { return service_account_claim(account, now); }));
        if (!claim) co_return explain(EACCES, fmt::format("{}: {}", path_, claim.error().context));
        co_return post_form(std::move(url),
                            form_of({{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
                                     {"assertion", std::move(*claim)}}));
    }

    Context& context_;
    std::string path_;
    WatchedFiles watched_;
};

class MetadataServer final : public Source {
public:
    explicit MetadataServer(Context& context) : context_(context) {}

    Task<Credentials> get() override {
        std::string host = context_.variable("GCE_METADATA_HOST");
        // Not its name, which may take long to be looked up elsewhere.
        if (host.empty()) host = "169.254.169.254";
        http::Request request{
            .url = fmt::format(
                "http://{}/computeMetadata/v1/instance/service-accounts/default/token", host)};
        request.headers.set("Metadata-Flavor", "Google");
        const Json answer =
            co_await ask_for_json(context_.local_client(), std::move(request), metadata_server);
        co_return issued(answer, metadata_server, context_.now());
    }
    std::string describe() const override { return metadata_server; }
    bool can_renew() override { return true; }

private:
    Context& context_;
};

class GoogleChain final : public Chain {
public:
    GoogleChain(Context& context, Identity identity)
        : context_(context), identity_(std::move(identity)) {}

private:
    Task<Found> find() override {
        Found found;
        found.source = co_await given();
        if (found.source) co_return found;
        found.looked_at.push_back("the flags and the creds file");

        if (const std::string path = context_.variable("GOOGLE_APPLICATION_CREDENTIALS");
            !path.empty()) {
            found.source = std::make_unique<KeyFile>(context_, path);
            co_return found;
        }
        found.looked_at.push_back("the environment (GOOGLE_APPLICATION_CREDENTIALS)");

        const std::string path = gcloud_file();
        if (::access(path.c_str(), F_OK) == 0) {
            found.source = std::make_unique<KeyFile>(context_, path);
            co_return found;
        }
        found.looked_at.push_back(path);
        found.source = std::make_unique<MetadataServer>(context_);
        found.guessed = context_.variable("GCE_METADATA_HOST").empty();
        co_return found;
    }

    Result<std::unique_ptr<Source>> given() const {
        const bool id = !identity_.access_key.empty(), secret = !identity_.secret_key.empty();
        if (id != secret)
            return explain(EACCES,
                           "an HMAC key of Google consists of an access key and a secret; "
                           "one of them is missing in the flags and the creds file");
        if (!fits_header(identity_.access_key))
            return explain(EACCES, "the access key has several lines");
        if (id)
            return std::make_unique<GivenCredentials>(
                Credentials{.kind = Credentials::Kind::key,
                            .id = identity_.access_key,
                            .secret = identity_.secret_key},
                "the HMAC key of the flags or the creds file");
        if (identity_.key_file.empty()) return nullptr;
        return std::make_unique<KeyFile>(context_, identity_.key_file);
    }

    std::string gcloud_file() const {
        std::string folder = context_.variable("CLOUDSDK_CONFIG");
        if (folder.empty()) folder = home_of(context_.variables()) + "/.config/gcloud";
        return folder + "/application_default_credentials.json";
    }

    std::string advice() const override {
        return "Name the key file of a service account (keyFile, or "
               "GOOGLE_APPLICATION_CREDENTIALS), or give an HMAC key in the creds file (blockUser "
               "and blockPass)";
    }

    Context& context_;
    Identity identity_;
};

std::string json_part(const Json& part) {
    return to_base64url(as_bytes(part.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

}  // namespace

Result<std::string> service_account_claim(const ServiceAccount& account, Time now) {
    const Time seconds = now / 1'000'000'000;
    Json header = {{"alg", "RS256"}, {"typ", "JWT"}};
    if (!account.key_id.empty()) header["kid"] = account.key_id;
    const Json claims = {{"iss", account.email},
                         {"scope", scope},
                         {"aud", account.token_url},
                         {"iat", seconds},
                         {"exp", seconds + 3600}};
    const std::string text = json_part(header) + "." + json_part(claims);
    TRY(const Buffer signature, crypto::sign_rs256(account.key, as_bytes(text)));
    return text + "." + to_base64url(signature);
}

std::unique_ptr<Source> google_credentials(Context& context, Identity identity) {
    return std::make_unique<GoogleChain>(context, std::move(identity));
}

}  // namespace flexfs::cloud
