#include "lib/cloud/aws_profile.h"

#include <cerrno>

#include "lib/base/format.h"
#include "lib/cloud/answer.h"
#include "lib/cloud/aws_sts.h"
#include "lib/cloud/instance_metadata.h"
#include "lib/cloud/secret_files.h"
#include "lib/loop/pool.h"

namespace flexfs::cloud {
namespace {

// Profiles can refer to each other in a circle.
constexpr unsigned depth_max = 5;

Result<Credentials> static_key(const AwsProfile& profile, const std::string& whose) {
    Credentials key{.kind = Credentials::Kind::key,
                    .id = profile.get("aws_access_key_id"),
                    .secret = profile.get("aws_secret_access_key"),
                    .session_token = profile.get("aws_session_token")};
    for (const auto& [value, name] :
         {std::pair(&key.id, "aws_access_key_id"), std::pair(&key.secret, "aws_secret_access_key")})
        if (value->empty()) return explain(EACCES, fmt::format("{} has no {}", whose, name));
    if (!fits_header(key.id) || !fits_header(key.session_token))
        return explain(EACCES, fmt::format("{} has a key that cannot be used", whose));
    return key;
}

class ProfileSource final : public Source {
public:
    ProfileSource(Context& context, std::string name) : context_(context), name_(std::move(name)) {}

    Task<Credentials> get() override {
        const AwsPaths paths = aws_paths(context_.variables());
        watched_.note({paths.config, paths.credentials});
        const AwsProfiles profiles = co_await load_aws_profiles(context_);
        asks_others_ = false;
        co_return co_await resolve(profiles, name_, 0);
    }
    std::string describe() const override {
        return file_.empty() ? "profile " + name_ : fmt::format("profile {} in {}", name_, file_);
    }
    bool changed() override { return watched_.changed(); }
    bool can_renew() override { return asks_others_ || changed(); }

private:
    // `profiles` lives in the frame of get().
    Task<Credentials> resolve(const AwsProfiles& profiles, std::string name, unsigned depth) {
        const auto at = profiles.find(name);
        const AwsPaths paths = aws_paths(context_.variables());
        if (at == profiles.end())
            co_return explain(EACCES, fmt::format("there is no profile {} in {} or {}", name,
                                                  paths.credentials, paths.config));
        const AwsProfile& profile = at->second;
        const std::string whose = fmt::format("profile {} in {}", name, profile.file);
        if (depth == 0) file_ = profile.file;
        if (depth > depth_max)
            co_return explain(EACCES, whose + " refers to itself by its source_profile");
        if (profile.settings.contains("role_arn"))
            co_return co_await role(profiles, std::move(name), depth);
        if (profile.settings.contains("aws_access_key_id") ||
            profile.settings.contains("aws_secret_access_key"))
            co_return static_key(profile, whose);
        if (profile.settings.contains("credential_process"))
            co_return explain(EACCES, whose +
                                          " has a credential_process, which flexfs does not "
                                          "run; write its keys to a creds file or to the "
                                          "environment");
        if (profile.settings.contains("sso_session") || profile.settings.contains("sso_start_url"))
            co_return explain(EACCES, whose +
                                          " uses IAM Identity Center (SSO), which flexfs does "
                                          "not; 'aws configure export-credentials' gives keys "
                                          "for the environment");
        co_return explain(EACCES, whose + " has no credentials");
    }

    Task<Credentials> role(const AwsProfiles& profiles, std::string name, unsigned depth) {
        const AwsProfile& profile = profiles.at(name);
        const std::string whose = fmt::format("profile {} in {}", name, profile.file);
        asks_others_ = true;
        AwsRole wanted{.arn = profile.get("role_arn"),
                       .session_name = profile.get("role_session_name"),
                       .external_id = profile.get("external_id"),
                       .duration_seconds = profile.get("duration_seconds"),
                       .region = profile.get("region")};
        if (wanted.region.empty()) wanted.region = context_.variable("AWS_REGION");
        if (profile.settings.contains("mfa_serial"))
            co_return explain(EACCES, whose +
                                          " needs a code of a second factor (mfa_serial), which "
                                          "nobody can be asked for");
        if (const std::string file = profile.get("web_identity_token_file"); !file.empty())
            co_return co_await assume_role_with_token(context_, std::move(wanted), file);
        const std::string source = profile.get("source_profile");
        Credentials key;
        if (source == name) key = co_await static_key(profile, whose);
        else if (!source.empty()) key = co_await resolve(profiles, source, depth + 1);
        else key = co_await named_source(profile.get("credential_source"), whose);
        co_return co_await assume_role(context_, std::move(wanted), std::move(key));
    }

    Task<Credentials> named_source(std::string source, std::string whose) {
        if (source == "Environment") {
            Credentials key = co_await aws_environment(context_);
            if (key.kind == Credentials::Kind::key) co_return key;
            co_return explain(EACCES, whose + " wants the keys of the environment, which has none");
        }
        std::unique_ptr<Source> from;
        if (source == "EcsContainer") from = co_await container_endpoint(context_);
        else if (source == "Ec2InstanceMetadata") from = instance_metadata(context_);
        if (!from)
            co_return explain(EACCES, whose +
                                          " has a role_arn, but no source_profile, "
                                          "credential_source or web_identity_token_file that "
                                          "can be used");
        co_return co_await from->get();
    }

    Context& context_;
    std::string name_;
    std::string file_;
    WatchedFiles watched_;
    bool asks_others_ = false;  // for credentials of a role
};

}  // namespace

Result<Credentials> aws_environment(const Context& context) {
    Credentials key{.id = context.variable("AWS_ACCESS_KEY_ID"),
                    .secret = context.variable("AWS_SECRET_ACCESS_KEY"),
                    .session_token = context.variable("AWS_SESSION_TOKEN")};
    if (key.id.empty() && key.secret.empty()) return Credentials{};
    if (key.id.empty() || key.secret.empty())
        return explain(EACCES, fmt::format("the environment has only {} of the two variables "
                                           "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                                           key.id.empty() ? "the second" : "the first"));
    if (!fits_header(key.id) || !fits_header(key.session_token))
        return explain(EACCES, "AWS_ACCESS_KEY_ID or AWS_SESSION_TOKEN has several lines");
    key.kind = Credentials::Kind::key;
    return key;
}

Task<AwsProfiles> load_aws_profiles(Context& context) {
    const AwsPaths paths = aws_paths(context.variables());
    co_return co_await offload(context.loop(), [&paths] { return read_aws_profiles(paths); });
}

std::unique_ptr<Source> aws_profile(Context& context, std::string name) {
    return std::make_unique<ProfileSource>(context, std::move(name));
}

}  // namespace flexfs::cloud
