#include "lib/object/open_bucket.h"

#include "lib/object/azure_store.h"
#include "lib/object/forwarding.h"
#include "lib/object/s3_store.h"

namespace flexfs::object {
namespace {

// A store and the client that only it uses.
class WithClient final : public Forwarding {
public:
    WithClient(std::unique_ptr<http::Client> client, std::unique_ptr<Store> store)
        : Forwarding(std::move(store)), client_(std::move(client)) {}

    Task<void> close() override {
        co_await inner().close();
        co_await client_->close();
    }

private:
    // The store is destroyed after its client, which it does not use then.
    std::unique_ptr<http::Client> client_;
};

cloud::Provider provider_of(Address::Kind kind) {
    switch (kind) {
        case Address::Kind::gs: return cloud::Provider::google;
        case Address::Kind::oci: return cloud::Provider::oracle;
        case Address::Kind::azure: return cloud::Provider::azure;
        default: return cloud::Provider::aws;
    }
}

S3Options::Provider dialect_of(Address::Kind kind) {
    switch (kind) {
        case Address::Kind::gs: return S3Options::Provider::google;
        case Address::Kind::oci: return S3Options::Provider::oracle;
        default: return S3Options::Provider::s3;
    }
}

// Azure's account is also its user.
cloud::Identity identity_of(const Address& address) {
    const conf::StoreSettings& settings = address.settings;
    cloud::Identity identity{.provider = provider_of(address.kind),
                             .region = settings.region,
                             .session_token = settings.session_token,
                             .profile = settings.profile,
                             .account = settings.account,
                             .sas_token = settings.sas_token,
                             .key_file = settings.key_file,
                             .anonymous = settings.anonymous == "true"};
    if (address.kind == Address::Kind::azure) {
        if (identity.account.empty()) identity.account = settings.block_user;
        identity.account_key = settings.block_pass;
    } else {
        identity.access_key = settings.block_user;
        identity.secret_key = settings.block_pass;
    }
    return identity;
}

}  // namespace

Result<std::unique_ptr<Store>> open_bucket(Loop& loop, const Address& address,
                                           Throttled throttled) {
    const conf::StoreSettings& settings = address.settings;
    auto client =
        std::make_unique<http::Client>(loop, http::ClientOptions{.ca_cert = settings.ca_cert});
    cloud::Identity identity = identity_of(address);
    std::unique_ptr<Store> store;
    if (address.kind == Address::Kind::azure) {
        auto signer = cloud::make_signer(loop, *client, identity);
        TRY(store, AzureStore::open(loop, *client, std::move(signer),
                                    {.account = identity.account,
                                     .container = address.bucket,
                                     .prefix = address.prefix,
                                     .endpoint = settings.endpoint,
                                     .throttled = std::move(throttled)}));
    } else {
        if (identity.region.empty()) identity.region = cloud::default_region(identity);
        S3Options options{.provider = dialect_of(address.kind),
                          .bucket = address.bucket,
                          .prefix = address.prefix,
                          .endpoint = settings.endpoint,
                          .region = identity.region,
                          .account = settings.account,
                          .sse = settings.sse,
                          .throttled = std::move(throttled)};
        if (!settings.path_style.empty()) options.path_style = settings.path_style == "true";
        auto signer = cloud::make_signer(loop, *client, identity);
        TRY(store, S3Store::open(loop, *client, std::move(signer), std::move(options)));
    }
    return std::make_unique<WithClient>(std::move(client), std::move(store));
}

}  // namespace flexfs::object
