#include "lib/cloud/signer.h"

#include <cerrno>

#include "lib/base/check.h"
#include "lib/base/format.h"
#include "lib/cloud/aws_credentials.h"
#include "lib/cloud/aws_signature.h"
#include "lib/cloud/azure.h"
#include "lib/cloud/azure_signature.h"
#include "lib/cloud/google.h"
#include "lib/cloud/refreshing.h"
#include "lib/cloud/signers.h"
#include "lib/crypto/crypto.h"
#include "lib/loop/pool.h"

namespace flexfs::cloud {
namespace {

// Hashing less than this takes less time than a trip to the pool.
constexpr std::uint64_t hash_here_bytes_max = 64 << 10;

std::unique_ptr<Source> source_for(Context& context, const Identity& identity) {
    if (identity.anonymous)
        return std::make_unique<GivenCredentials>(Credentials{}, "no credentials (anonymous)");
    switch (identity.provider) {
        case Provider::google: return google_credentials(context, identity);
        case Provider::azure: return azure_credentials(context, identity);
        case Provider::aws:
        case Provider::oracle: break;
    }
    return aws_credentials(context, identity);
}

std::string region_for(const Identity& identity, const Variables& variables) {
    if (!identity.region.empty()) return identity.region;
    if (identity.provider == Provider::google) return "auto";
    std::string region = aws_region(variables, identity.profile);
    return region.empty() ? "us-east-1" : region;
}

class CloudSigner final : public Signer {
public:
    CloudSigner(Loop& loop, http::Client& client, const Identity& identity, Clock clock,
                Variables variables)
        : context_(loop, client, std::move(clock), std::move(variables)),
          provider_(identity.provider),
          region_(region_for(identity, context_.variables())),
          credentials_(context_, source_for(context_, identity)) {}

    Task<void> sign(http::Request& request) override {
        const auto credentials = co_await credentials_.get();
        if (provider_ == Provider::azure) {
            co_await sign_as_azure(request, *credentials, context_.now());
            co_return;
        }
        switch (credentials->kind) {
            case Credentials::Kind::none: break;
            case Credentials::Kind::token:
                request.headers.set("Authorization", "Bearer " + credentials->secret);
                break;
            case Credentials::Kind::key: {
                const std::string hash = co_await hash_of(request.body);
                const SignatureScope scope{.time = context_.now(), .region = region_};
                co_await sign_as_aws(request, *credentials, scope, hash);
                break;
            }
            case Credentials::Kind::account_key:
            case Credentials::Kind::sas: check(false);
        }
    }
    bool renew() override { return credentials_.renew(); }
    void set_clock(Time provider_now) override { context_.set_clock(provider_now); }
    void set_region(std::string region) override { region_ = std::move(region); }
    std::string describe() const override { return credentials_.describe(); }
    Task<void> close() override {
        co_await credentials_.close();
        co_await context_.close();
    }

private:
    Task<std::string> hash_of(std::vector<Buffer> body) {
        const auto hash = [&body]() -> Result<std::string> { return to_hex(crypto::sha256(body)); };
        if (total_bytes(body) <= hash_here_bytes_max) co_return hash();
        co_return co_await offload(context_.loop(), hash);
    }

    Context context_;
    Provider provider_;
    std::string region_;
    Refreshing credentials_;
};

}  // namespace

std::unique_ptr<Signer> make_signer(Loop& loop, http::Client& client, Identity identity,
                                    Clock clock, Variables variables) {
    return std::make_unique<CloudSigner>(loop, client, identity, std::move(clock),
                                         std::move(variables));
}

std::unique_ptr<Signer> make_signer(Loop& loop, http::Client& client, Identity identity) {
    return make_signer(loop, client, std::move(identity), wall_now, variable_of_process);
}

std::string default_region(const Identity& identity) {
    return aws_region(variable_of_process, identity.profile);
}

}  // namespace flexfs::cloud
