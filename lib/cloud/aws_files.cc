#include "lib/cloud/aws_files.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/cloud/url.h"
#include "lib/conf/file.h"

namespace flexfs::cloud {
namespace {

constexpr std::string_view blanks = " \t\r";

std::string_view trimmed(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

// A comment after a value has a blank before it.
std::string_view without_comment(std::string_view value) {
    for (std::size_t at = 1; at < value.size(); ++at)
        if ((value[at] == '#' || value[at] == ';') && blanks.contains(value[at - 1]))
            return trimmed(value.substr(0, at));
    return value;
}

std::string resolved(const std::string& path, const Variables& variables) {
    return path.starts_with("~/") ? home_of(variables) + path.substr(1) : path;
}

class Parser {
public:
    Parser(const std::string& file, bool with_prefix, AwsProfiles& profiles)
        : file_(file), with_prefix_(with_prefix), profiles_(profiles) {}

    Result<void> parse(std::string_view text) {
        while (!text.empty()) {
            ++line_;
            const auto end = std::min(text.find('\n'), text.size());
            TRY(take(text.substr(0, end)));
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        return {};
    }

private:
    // No sentence quotes the line: it may be a secret.
    std::unexpected<Error> complain(std::string_view what) const {
        return explain(EACCES, fmt::format("{}:{}: {}", file_, line_, what));
    }

    Result<void> take(std::string_view line) {
        const std::string_view content = trimmed(line);
        if (content.empty() || content.front() == '#' || content.front() == ';') return {};
        const std::size_t indent = line.find_first_not_of(blanks);
        if (content.front() == '[') return open_section(content);
        // The settings below a setting ("s3 =") are not for us.
        if (has_key_ && indent > indent_) return {};
        if (!in_section_) return complain("a setting stands before the first [section]");
        const auto equals = content.find('=');
        if (equals == std::string_view::npos || equals == 0)
            return complain("this is neither a [section] nor a setting of the form NAME = VALUE");
        has_key_ = true;
        indent_ = indent;
        if (!profile_) return {};
        std::string name = lower_case(trimmed(content.substr(0, equals)));
        if (name == "aws_access_key_id" || name == "role_arn") profile_->file = file_;
        profile_->settings[std::move(name)] = without_comment(trimmed(content.substr(equals + 1)));
        return {};
    }

    Result<void> open_section(std::string_view content) {
        const auto end = content.find(']');
        if (end == std::string_view::npos) return complain("the ']' of a [section] is missing");
        std::string_view name = trimmed(content.substr(1, end - 1));
        in_section_ = true;
        has_key_ = false;
        profile_ = nullptr;
        if (with_prefix_ && name != "default") {
            const auto blank = name.find_first_of(blanks);
            // There are sections of other kinds, such as [sso-session NAME].
            if (name.substr(0, blank) != "profile" || blank == std::string_view::npos) return {};
            name = trimmed(name.substr(blank));
        }
        if (name.size() >= 2 && name.front() == name.back() && (name[0] == '"' || name[0] == '\''))
            name = name.substr(1, name.size() - 2);
        if (name.empty()) return complain("a [section] has no name");
        profile_ = &profiles_[std::string(name)];
        if (profile_->file.empty()) profile_->file = file_;
        return {};
    }

    const std::string& file_;
    bool with_prefix_;
    AwsProfiles& profiles_;
    unsigned line_ = 0;
    bool in_section_ = false;
    AwsProfile* profile_ = nullptr;  // null in a section that is no profile
    bool has_key_ = false;
    std::size_t indent_ = 0;  // of the last setting
};

Result<void> add_file(const std::string& file, bool with_prefix, AwsProfiles& profiles) {
    const auto text = conf::read_file(file);
    if (!text && (text.error().code == ENOENT || text.error().code == ENOTDIR)) return {};
    if (!text) return explain(EACCES, text.error().message());
    return parse_aws_file(*text, file, with_prefix, profiles);
}

}  // namespace

AwsPaths aws_paths(const Variables& variables) {
    AwsPaths paths = {variables("AWS_CONFIG_FILE"), variables("AWS_SHARED_CREDENTIALS_FILE")};
    if (paths.config.empty()) paths.config = "~/.aws/config";
    if (paths.credentials.empty()) paths.credentials = "~/.aws/credentials";
    return {resolved(paths.config, variables), resolved(paths.credentials, variables)};
}

std::string AwsProfile::get(const std::string& setting) const {
    const auto at = settings.find(setting);
    return at == settings.end() ? "" : at->second;
}

bool AwsProfile::has_credentials() const {
    return std::ranges::any_of(
        std::initializer_list<const char*>{"aws_access_key_id", "aws_secret_access_key", "role_arn",
                                           "credential_process", "sso_session", "sso_start_url"},
        [this](const char* setting) { return settings.contains(setting); });
}

Result<void> parse_aws_file(std::string_view text, const std::string& file, bool with_prefix,
                            AwsProfiles& profiles) {
    return Parser(file, with_prefix, profiles).parse(text);
}

Result<AwsProfiles> read_aws_profiles(const AwsPaths& paths) {
    AwsProfiles profiles;
    TRY(add_file(paths.config, true, profiles));
    // A setting that both files have is taken from the one for credentials.
    TRY(add_file(paths.credentials, false, profiles));
    return profiles;
}

std::string aws_profile_name(const std::string& given, const Variables& variables) {
    if (!given.empty()) return given;
    const std::string named = variables("AWS_PROFILE");
    return named.empty() ? "default" : named;
}

}  // namespace flexfs::cloud
