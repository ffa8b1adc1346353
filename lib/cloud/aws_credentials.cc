#include "lib/cloud/aws_credentials.h"

#include <cerrno>

#include "lib/base/format.h"
#include "lib/cloud/answer.h"
#include "lib/cloud/aws_profile.h"
#include "lib/cloud/aws_sts.h"
#include "lib/cloud/chain.h"
#include "lib/cloud/instance_metadata.h"

namespace flexfs::cloud {
namespace {

class WebIdentity final : public Source {
public:
    WebIdentity(Context& context, std::string file, AwsRole role)
        : context_(context), file_(std::move(file)), role_(std::move(role)) {}
    Task<Credentials> get() override { return assume_role_with_token(context_, role_, file_); }
    std::string describe() const override {
        return fmt::format("role {} with the token in {}", role_.arn, file_);
    }
    bool can_renew() override { return true; }

private:
    Context& context_;
    std::string file_;
    AwsRole role_;
};

class AwsChain final : public Chain {
public:
    AwsChain(Context& context, Identity identity)
        : context_(context), identity_(std::move(identity)) {}

private:
    Task<Found> find() override {
        Found found;
        found.source = co_await given();
        if (found.source) co_return found;
        found.looked_at.push_back("the flags and the creds file");

        if (identity_.profile.empty()) {
            Credentials key = co_await aws_environment(context_);
            if (key.kind != Credentials::Kind::none) {
                found.source = std::make_unique<GivenCredentials>(
                    std::move(key), "AWS_ACCESS_KEY_ID in the environment");
                co_return found;
            }
            found.looked_at.push_back("the environment (AWS_ACCESS_KEY_ID)");
        }
        found.source = co_await profile(found.looked_at);
        if (!found.source && identity_.provider == Provider::aws) co_await services_of_aws(found);
        co_return found;
    }

    Result<std::unique_ptr<Source>> given() const {
        if (identity_.access_key.empty() && identity_.secret_key.empty()) return nullptr;
        if (identity_.access_key.empty() || identity_.secret_key.empty())
            return explain(EACCES,
                           fmt::format("the flags and the creds file give {} key, but not "
                                       "the other one",
                                       identity_.access_key.empty() ? "a secret" : "an access"));
        if (!fits_header(identity_.access_key) || !fits_header(identity_.session_token))
            return explain(EACCES, "the access key or the session token has several lines");
        return std::make_unique<GivenCredentials>(
            Credentials{.kind = Credentials::Kind::key,
                        .id = identity_.access_key,
                        .secret = identity_.secret_key,
                        .session_token = identity_.session_token},
            "the access key of the flags or the creds file");
    }

    // Null if no profile was asked for by name, and the default one has no credentials.
    Task<std::unique_ptr<Source>> profile(std::vector<std::string>& looked_at) {
        const std::string name = aws_profile_name(identity_.profile, context_.variables());
        const AwsProfiles profiles = co_await load_aws_profiles(context_);
        const auto at = profiles.find(name);
        const bool named = !identity_.profile.empty() || !context_.variable("AWS_PROFILE").empty();
        if ((at != profiles.end() && at->second.has_credentials()) ||
            (named && at == profiles.end()))
            co_return aws_profile(context_, name);
        const AwsPaths paths = aws_paths(context_.variables());
        looked_at.push_back(
            fmt::format("profile {} of {} and {}", name, paths.credentials, paths.config));
        co_return std::unique_ptr<Source>();
    }

    // `found` lives in the frame of find().
    Task<void> services_of_aws(Found& found) {
        const std::string file = context_.variable("AWS_WEB_IDENTITY_TOKEN_FILE");
        if (!file.empty()) {
            AwsRole role{.arn = context_.variable("AWS_ROLE_ARN"),
                         .session_name = context_.variable("AWS_ROLE_SESSION_NAME"),
                         .region = aws_region(context_.variables(), identity_.profile)};
            if (role.arn.empty())
                co_await explain(EACCES,
                                 "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN, the "
                                 "role to assume with the token, is not");
            found.source = std::make_unique<WebIdentity>(context_, file, std::move(role));
            co_return;
        }
        found.looked_at.push_back("a web identity (AWS_WEB_IDENTITY_TOKEN_FILE)");

        found.source = co_await container_endpoint(context_);
        if (found.source) co_return;
        found.looked_at.push_back("a container endpoint (AWS_CONTAINER_CREDENTIALS_FULL_URI)");

        found.source = instance_metadata(context_);
        found.guessed = true;
        if (!found.source)
            found.looked_at.push_back(
                "instance metadata (which AWS_EC2_METADATA_DISABLED forbids)");
    }

    std::string advice() const override {
        return "Give an access key and its secret in the creds file (blockUser and blockPass), or "
               "in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile";
    }

    Context& context_;
    Identity identity_;
};

}  // namespace

std::unique_ptr<Source> aws_credentials(Context& context, Identity identity) {
    return std::make_unique<AwsChain>(context, std::move(identity));
}

std::string aws_region(const Variables& variables, const std::string& profile) {
    for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"})
        if (std::string region = variables(name); !region.empty()) return region;
    // A file that cannot be read is reported when credentials are looked for in it.
    const auto profiles = read_aws_profiles(aws_paths(variables));
    if (!profiles) return {};
    const auto at = profiles->find(aws_profile_name(profile, variables));
    return at == profiles->end() ? "" : at->second.get("region");
}

}  // namespace flexfs::cloud
