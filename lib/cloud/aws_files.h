// The shared configuration files of AWS (~/.aws/config and ~/.aws/credentials), as its tools read
// them: docs.aws.amazon.com/sdkref/latest/guide/file-format.html.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/cloud/context.h"

namespace flexfs::cloud {

struct AwsPaths {
    std::string config;
    std::string credentials;
};
AwsPaths aws_paths(const Variables& variables);

struct AwsProfile {
    std::map<std::string, std::string> settings;  // names in lower case
    std::string file;                             // that has credentials, or else the last one

    // Returns an empty text if the setting is missing.
    std::string get(const std::string& setting) const;
    // True if the profile says how to get credentials, rightly or wrongly.
    bool has_credentials() const;
};

using AwsProfiles = std::map<std::string, AwsProfile>;

// Reads both files; one that does not exist is empty. EACCES with a sentence that names file and
// line.
Result<AwsProfiles> read_aws_profiles(const AwsPaths& paths);
// Adds what a file has. `with_prefix`: its sections are named [profile NAME], except [default].
Result<void> parse_aws_file(std::string_view text, const std::string& file, bool with_prefix,
                            AwsProfiles& profiles);

// Returns the name of the profile to use: `given`, or that of the environment, or "default".
std::string aws_profile_name(const std::string& given, const Variables& variables);

}  // namespace flexfs::cloud
