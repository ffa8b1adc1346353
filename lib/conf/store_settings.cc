#include "lib/conf/store_settings.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/conf/conf.h"

namespace flexfs::conf {
namespace {

Result<void> check_endpoint(std::string_view given) {
    std::string_view rest = given;
    for (const std::string_view scheme : {"https://", "http://"})
        if (rest.starts_with(scheme)) rest.remove_prefix(scheme.size());
    const bool has_scheme = rest.size() < given.size();
    const std::string_view host = rest.substr(0, rest.find('/'));
    const bool odd = given.find_first_of(" ?#\"<>\\") != std::string_view::npos;
    if (has_scheme && !host.empty() && !odd && host.find('@') == std::string_view::npos) return {};
    return explain(EINVAL, fmt::format("'{}' is not an endpoint; write https://HOST or "
                                       "http://HOST:PORT",
                                       host.find('@') == std::string_view::npos ? given : "…"));
}

Result<void> check_region(std::string_view given) {
    const auto allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    if (given.find_first_not_of(allowed) == std::string_view::npos) return {};
    return explain(EINVAL,
                   fmt::format("'{}' is not a region; write one such as eu-central-1", given));
}

Result<void> check_account(std::string_view given) {
    const auto allowed = "abcdefghijklmnopqrstuvwxyz0123456789-";
    if (given.find_first_not_of(allowed) == std::string_view::npos) return {};
    return explain(EINVAL, fmt::format("'{}' is not an account; its name has lower-case letters "
                                       "and digits",
                                       given));
}

Result<void> check_flag(std::string_view given) {
    if (given == "true" || given == "false") return {};
    return explain(EINVAL, fmt::format("'{}' is neither true nor false", given));
}

Result<void> check_sse(std::string_view given) {
    const std::string_view with_key = "aws:kms:";
    if (given == "AES256" || given == "aws:kms") return {};
    if (given.starts_with(with_key) && given.size() > with_key.size() &&
        given.find_first_of("\r\n") == std::string_view::npos)
        return {};
    return explain(EINVAL, fmt::format("'{}' is not a server-side encryption; write AES256, "
                                       "aws:kms or aws:kms:KEY",
                                       given));
}

Result<void> check_path(std::string_view given) {
    if (given.starts_with('/')) return {};
    return explain(EINVAL, fmt::format("'{}' is not an absolute path", given));
}

using S = StoreSettings;
constexpr StoreSetting rows[] = {
    {"endpoint", &S::endpoint, "URL", "server of the bucket, unless it is the provider's own",
     false, check_endpoint},
    {"region", &S::region, "NAME", "region of the bucket (found out if it is left out)", false,
     check_region},
    {"pathStyle", &S::path_style, "true|false",
     "the bucket's name is in the path, not in the host's name (depends on the endpoint)", false,
     check_flag},
    {"account", &S::account, "NAME", "storage account of Azure, or namespace of Oracle", false,
     check_account},
    {"sse", &S::sse, "KIND", "server-side encryption of S3: AES256, aws:kms or aws:kms:KEY", false,
     check_sse},
    {"caCert", &S::ca_cert, "FILE", "certificates to trust instead of the system's (PEM)", false,
     check_path},
    {"profile", &S::profile, "NAME", "profile in the shared configuration files of AWS", false},
    {"keyFile", &S::key_file, "FILE", "key of a service account of Google (JSON)", false,
     check_path},
    {"anonymous", &S::anonymous, "true|false", "requests to the bucket are not signed", false,
     check_flag},
    {"blockUser", &S::block_user, "KEY", "access key of the bucket, or account of Azure", false},
    {"blockPass", &S::block_pass, "SECRET", "its secret key", true},
    {"sessionToken", &S::session_token, "TOKEN", "token of temporary credentials", true},
    {"sasToken", &S::sas_token, "TOKEN", "shared access signature of Azure", true},
};

Layout layout_of(StoreSettings& settings) {
    Layout layout;
    for (const StoreSetting& row : rows) {
        Field field = text(std::string(row.key), settings.*row.value);
        field.set = [&settings, &row](std::string_view given) { return row.set(settings, given); };
        layout.fields.push_back(std::move(field));
    }
    return layout;
}

}  // namespace

void StoreSettings::complete_from(const StoreSettings& other) {
    for (const StoreSetting& row : rows)
        if ((this->*row.value).empty()) this->*row.value = other.*row.value;
}

Result<void> StoreSetting::set(StoreSettings& settings, std::string_view given) const {
    if (given.empty()) return explain(EINVAL, fmt::format("{} has no value", key));
    if (check) TRY(check(given));
    settings.*value = given;
    return {};
}

std::span<const StoreSetting> store_settings() {
    return rows;
}

const StoreSetting* find_store_setting(std::string_view key) {
    const auto found = std::ranges::find(rows, key, &StoreSetting::key);
    return found == std::end(rows) ? nullptr : found;
}

Result<StoreSettings> load_creds(const std::string& path) {
    StoreSettings settings;
    TRY(load(path, layout_of(settings)));
    return settings;
}

Result<void> save_creds(const std::string& path, const StoreSettings& settings) {
    StoreSettings copy = settings;
    Layout layout = layout_of(copy);
    std::erase_if(layout.fields, [](const Field& field) { return field.get().empty(); });
    return save(path, layout, Access::owner);
}

}  // namespace flexfs::conf
