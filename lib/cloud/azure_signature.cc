#include "lib/cloud/azure_signature.h"

#include <time.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "lib/base/format.h"
#include "lib/base/text.h"
#include "lib/cloud/url.h"
#include "lib/crypto/crypto.h"

namespace flexfs::cloud {
namespace {

std::string_view trimmed(std::string_view value) {
    const auto begin = std::min(value.find_first_not_of(" \t"), value.size());
    value.remove_prefix(begin);
    return value.substr(0, value.find_last_not_of(" \t") + 1);
}

std::string content_length(const http::Request& request) {
    const bool has_body = request.method == "PUT" || request.method == "POST";
    const std::size_t bytes = has_body ? total_bytes(request.body) : 0;
    return bytes > 0 ? std::to_string(bytes) : "";
}

// A token that has expired is refused with a sentence of ours, which says so.
Result<void> check_expiry(std::string_view sas, Time now) {
    for (const auto& [name, value] : fields_of(sas)) {
        if (name != "se") continue;
        const auto expires = parse_time(value);
        if (expires && *expires <= now)
            return explain(EACCES, fmt::format("the shared access signature (SAS token) expired at "
                                               "{}; give another one",
                                               format_time(*expires)));
    }
    return {};
}

}  // namespace

std::string http_date(Time time) {
    constexpr Time second = 1'000'000'000;
    static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const time_t seconds = time / second;
    tm parts{};
    ::gmtime_r(&seconds, &parts);
    return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[parts.tm_wday], parts.tm_mday,
                       months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
                       parts.tm_sec);
}

Result<std::string> azure_text_to_sign(const http::Request& request, const std::string& account) {
    TRY(const Url url, split_url(request.url));
    std::string text = request.method + "\n";
    for (const char* name : {"Content-Encoding", "Content-Language", "Content-Length",
                             "Content-MD5", "Content-Type", "Date", "If-Modified-Since", "If-Match",
                             "If-None-Match", "If-Unmodified-Since", "Range"}) {
        const bool is_length = std::string_view(name) == "Content-Length";
        if (is_length) text += content_length(request);
        else text += trimmed(request.headers.find(name).value_or(""));
        text += '\n';
    }
    std::map<std::string, std::string> headers;
    for (const http::Header& header : request.headers)
        if (std::string name = lower_case(header.name); name.starts_with("x-ms-"))
            headers[std::move(name)] = trimmed(header.value);
    for (const auto& [name, value] : headers) text += fmt::format("{}:{}\n", name, value);

    text += fmt::format("/{}{}", account, url.path);
    std::map<std::string, std::vector<std::string>> fields;
    for (const auto& [name, value] : fields_of(url.query))
        fields[lower_case(name)].push_back(value);
    for (auto& [name, values] : fields) {
        std::ranges::sort(values);
        text += fmt::format("\n{}:{}", name, fmt::join(values, ","));
    }
    return text;
}

Result<void> sign_as_azure(http::Request& request, const Credentials& credentials, Time now) {
    request.headers.set("x-ms-date", http_date(now));
    if (!request.headers.find("x-ms-version")) request.headers.set("x-ms-version", azure_version);
    switch (credentials.kind) {
        case Credentials::Kind::account_key: {
            const auto key = from_base64(credentials.secret);
            if (!key || key->empty())
                return explain(EACCES,
                               "the key of the storage account is not in base64, as Azure "
                               "shows it");
            TRY(const std::string text, azure_text_to_sign(request, credentials.id));
            request.headers.set("Authorization",
                                fmt::format("SharedKey {}:{}", credentials.id,
                                            to_base64(crypto::hmac_sha256(*key, as_bytes(text)))));
            break;
        }
        case Credentials::Kind::sas:
            TRY(check_expiry(credentials.secret, now));
            request.url += (request.url.contains('?') ? "&" : "?") + credentials.secret;
            break;
        case Credentials::Kind::token:
            request.headers.set("Authorization", "Bearer " + credentials.secret);
            break;
        case Credentials::Kind::none:
        case Credentials::Kind::key: break;
    }
    return {};
}

}  // namespace flexfs::cloud
