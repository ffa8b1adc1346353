#include "lib/cloud/azure.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/cloud/answer.h"
#include "lib/cloud/chain.h"
#include "lib/cloud/secret_files.h"
#include "lib/cloud/url.h"

namespace flexfs::cloud {
namespace {

constexpr const char* resource = "https://storage.azure.com/";

Result<Credentials> issued(const Json& answer, const char* service, Time now) {
    TRY(IssuedToken got, token_of(answer, fmt::format("the answer of {}", service), now));
    return Credentials{
        .kind = Credentials::Kind::token, .secret = std::move(got.token), .expires = got.expires};
}

constexpr const char* entra = "Microsoft Entra ID";

// An application that proves who it is by a token of another authority, such as Kubernetes, or by
// a secret.
class Application final : public Source {
public:
    explicit Application(Context& context) : context_(context) {}

    Task<Credentials> get() override {
        std::string authority = context_.variable("AZURE_AUTHORITY_HOST");
        if (authority.empty()) authority = "https://login.microsoftonline.com";
        while (authority.ends_with('/')) authority.pop_back();
        if (!is_private(authority))
            co_return explain(EACCES,
                              "AZURE_AUTHORITY_HOST is not a URL with https://, and "
                              "credentials are not sent without encryption");
        std::vector<std::pair<std::string, std::string>> fields = {
            {"grant_type", "client_credentials"},
            {"client_id", context_.variable("AZURE_CLIENT_ID")},
            {"scope", fmt::format("{}.default", resource)}};
        const std::string file = context_.variable("AZURE_FEDERATED_TOKEN_FILE");
        if (file.empty()) {
            fields.emplace_back("client_secret", context_.variable("AZURE_CLIENT_SECRET"));
        } else {
            fields.emplace_back("client_assertion_type",
                                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
            std::string token = co_await read_token_file(context_.loop(), file);
            fields.emplace_back("client_assertion", std::move(token));
        }
        auto request = post_form(fmt::format("{}/{}/oauth2/v2.0/token", authority,
                                             escaped(context_.variable("AZURE_TENANT_ID"))),
                                 form_of(fields));
        const Json answer = co_await ask_for_json(context_.client(), std::move(request), entra);
        co_return issued(answer, entra, context_.now());
    }
    std::string describe() const override {
        return fmt::format("the application {} (AZURE_CLIENT_ID) of {}",
                           context_.variable("AZURE_CLIENT_ID"), entra);
    }
    bool can_renew() override { return true; }

private:
    Context& context_;
};

constexpr const char* managed = "the managed identity service of Azure";

// The identity of this machine, or of this App Service.
class ManagedIdentity final : public Source {
public:
    explicit ManagedIdentity(Context& context) : context_(context) {}

    Task<Credentials> get() override {
        std::string url = context_.variable("IDENTITY_ENDPOINT");
        http::Request request;
        std::string version = "2018-02-01";
        if (!url.empty()) {
            version = "2019-08-01";
            request.headers.set("X-IDENTITY-HEADER", context_.variable("IDENTITY_HEADER"));
        } else {
            url = context_.variable("AZURE_POD_IDENTITY_AUTHORITY_HOST");
            while (url.ends_with('/')) url.pop_back();
            if (url.empty()) url = "http://169.254.169.254";
            url += "/metadata/identity/oauth2/token";
            request.headers.set("Metadata", "true");
        }
        request.url = fmt::format("{}{}api-version={}&resource={}", url,
                                  url.contains('?') ? '&' : '?', version, escaped(resource));
        // Of several identities of a machine, this names one.
        if (const std::string client = context_.variable("AZURE_CLIENT_ID"); !client.empty())
            request.url += "&client_id=" + escaped(client);
        const Json answer =
            co_await ask_for_json(context_.local_client(), std::move(request), managed);
        co_return issued(answer, managed, context_.now());
    }
    std::string describe() const override { return managed; }
    bool can_renew() override { return true; }

private:
    Context& context_;
};

std::string_view without_question_mark(std::string_view sas) {
    if (sas.starts_with('?')) sas.remove_prefix(1);
    return sas;
}

class AzureChain final : public Chain {
public:
    AzureChain(Context& context, Identity identity)
        : context_(context), identity_(std::move(identity)) {}

private:
    Task<Found> find() override {
        Found found;
        const std::string account = identity_.account.empty()
                                        ? context_.variable("AZURE_STORAGE_ACCOUNT")
                                        : identity_.account;
        found.source = co_await secret(account, identity_.account_key, identity_.sas_token,
                                       "the flags or the creds file");
        if (found.source) co_return found;
        found.looked_at.push_back("the flags and the creds file");

        found.source = co_await connection_string(account);
        if (!found.source)
            found.source =
                co_await secret(account, context_.variable("AZURE_STORAGE_KEY"),
                                context_.variable("AZURE_STORAGE_SAS_TOKEN"), "the environment");
        if (found.source) co_return found;
        found.looked_at.push_back(
            "the environment (AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN, "
            "AZURE_STORAGE_CONNECTION_STRING)");

        if (is_set("AZURE_TENANT_ID") && is_set("AZURE_CLIENT_ID") &&
            (is_set("AZURE_FEDERATED_TOKEN_FILE") || is_set("AZURE_CLIENT_SECRET"))) {
            found.source = std::make_unique<Application>(context_);
            co_return found;
        }
        found.looked_at.push_back(
            "a workload identity (AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE)");
        found.source = std::make_unique<ManagedIdentity>(context_);
        found.guessed =
            !is_set("IDENTITY_ENDPOINT") && !is_set("AZURE_POD_IDENTITY_AUTHORITY_HOST");
        co_return found;
    }

    bool is_set(const char* name) const { return !context_.variable(name).empty(); }

    // Null if there is neither a key nor a signature.
    static Result<std::unique_ptr<Source>> secret(const std::string& account,
                                                  const std::string& key, std::string_view sas,
                                                  const std::string& where) {
        if (!key.empty() && account.empty())
            return explain(EACCES, fmt::format("there is an account key in {}, but no name of the "
                                               "storage account it is for",
                                               where));
        if (!fits_header(account) || !fits_header(sas) || sas.contains(' '))
            return explain(EACCES, fmt::format("the name of the storage account or the SAS token "
                                               "in {} has characters that are not allowed there",
                                               where));
        if (!key.empty())
            return std::make_unique<GivenCredentials>(
                Credentials{.kind = Credentials::Kind::account_key, .id = account, .secret = key},
                fmt::format("the key of storage account {} in {}", account, where));
        if (sas.empty()) return nullptr;
        return std::make_unique<GivenCredentials>(
            Credentials{.kind = Credentials::Kind::sas,
                        .secret = std::string(without_question_mark(sas))},
            "the SAS token in " + where);
    }

    Result<std::unique_ptr<Source>> connection_string(const std::string& account) const {
        const std::string text = context_.variable("AZURE_STORAGE_CONNECTION_STRING");
        if (text.empty()) return nullptr;
        auto parts = parse_connection_string(text);
        if (!account.empty() && !parts["accountname"].empty() && parts["accountname"] != account)
            return explain(EACCES, fmt::format("AZURE_STORAGE_CONNECTION_STRING is for storage "
                                               "account {}, not for {}",
                                               parts["accountname"], account));
        const std::string& name = account.empty() ? parts["accountname"] : account;
        TRY(auto source, secret(name, parts["accountkey"], parts["sharedaccesssignature"],
                                "AZURE_STORAGE_CONNECTION_STRING"));
        if (!source)
            return explain(EACCES,
                           "AZURE_STORAGE_CONNECTION_STRING has neither an AccountKey nor "
                           "a SharedAccessSignature");
        return source;
    }

    std::string advice() const override {
        return "Give the key of the storage account or a SAS token in the creds file (blockPass or "
               "sasToken) or in the environment, or give this machine an identity";
    }

    Context& context_;
    Identity identity_;
};

}  // namespace

std::map<std::string, std::string> parse_connection_string(std::string_view text) {
    std::map<std::string, std::string> parts;
    while (!text.empty()) {
        const auto end = std::min(text.find(';'), text.size());
        const std::string_view part = text.substr(0, end);
        // A key in base64 ends with equals signs of its own.
        if (const auto equals = part.find('='); equals != std::string_view::npos)
            parts[lower_case(part.substr(0, equals))] = part.substr(equals + 1);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

std::unique_ptr<Source> azure_credentials(Context& context, Identity identity) {
    return std::make_unique<AzureChain>(context, std::move(identity));
}

}  // namespace flexfs::cloud
