// How a bucket is reached, and as whom. The same words are options of an address, flags of the
// programs, and keys of a creds file.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace flexfs::conf {

// Everything is optional; an empty value is one that was not given. Values were checked by set().
struct StoreSettings {
    std::string endpoint;  // https://host[:port], of a server that is not the provider's own
    std::string region;
    std::string path_style;     // true, false
    std::string account;        // of Azure; the namespace of Oracle
    std::string sse;            // AES256, aws:kms, aws:kms:KEY
    std::string ca_cert;        // absolute path
    std::string profile;        // in the shared configuration files of AWS
    std::string key_file;       // absolute path; a service account of Google
    std::string anonymous;      // true, false
    std::string block_user;     // access key
    std::string block_pass;     // its secret; a secret
    std::string session_token;  // a secret
    std::string sas_token;      // a secret

    // Fills what is empty here from `other`.
    void complete_from(const StoreSettings& other);
    bool operator==(const StoreSettings&) const = default;
};

struct StoreSetting {
    std::string_view key;  // "pathStyle"
    std::string StoreSettings::* value;
    std::string_view hint;  // of its value, in help: "URL"
    std::string_view help;
    bool secret = false;  // never in an address, an argument or a message
    // EINVAL with a sentence that describes a valid value. Null: any value is.
    Result<void> (*check)(std::string_view value) = nullptr;

    // Checks and stores the value. EINVAL.
    Result<void> set(StoreSettings& settings, std::string_view given) const;
};

// The rows, in the order of help.
std::span<const StoreSetting> store_settings();
// Returns null for an unknown key.
const StoreSetting* find_store_setting(std::string_view key);

// Reads a creds file. EINVAL (the sentence names file, line and key), EACCES, ENOENT, …
Result<StoreSettings> load_creds(const std::string& path);
// Writes one that only its owner can read. ENOSPC, EACCES, …
Result<void> save_creds(const std::string& path, const StoreSettings& settings);

}  // namespace flexfs::conf
