#include "lib/cloud/aws_signature.h"

#include <strings.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "lib/base/format.h"
#include "lib/base/text.h"
#include "lib/cloud/url.h"
#include "lib/crypto/crypto.h"

namespace flexfs::cloud {
namespace {

// The words in which the two kinds of signatures differ.
struct Spelling {
    std::string_view name;     // of the algorithm, and in the key
    std::string_view prefix;   // of headers
    std::string_view service;  // in place of s3
    std::string_view end;      // of the scope
};
constexpr Spelling amazon = {"AWS4", "x-amz-", "s3", "aws4_request"};
constexpr Spelling google = {"GOOG4", "x-goog-", "storage", "goog4_request"};

// Removes spaces at the ends, and repeated ones.
std::string trimmed(std::string_view value) {
    std::string made;
    for (const char c : value) {
        const bool space = c == ' ' || c == '\t';
        if (space && (made.empty() || made.back() == ' ')) continue;
        made += space ? ' ' : c;
    }
    if (made.ends_with(' ')) made.pop_back();
    return made;
}

// Proxies and the client may add or change these.
bool is_signed(const std::string& name) {
    static constexpr std::string_view others[] = {
        "authorization", "accept-encoding", "connection",        "content-length",
        "expect",        "user-agent",      "transfer-encoding",
    };
    return std::ranges::find(others, name) == std::end(others);
}

// Services escape a path anew, once: every byte that is not unreserved, whatever the client
// escaped.
std::string canonical_path(std::string_view path) {
    std::string made;
    for (std::size_t at = 0;;) {
        const auto end = std::min(path.find('/', at), path.size());
        made += escaped(unescaped(path.substr(at, end - at)));
        if (end == path.size()) return made;
        made += '/';
        at = end + 1;
    }
}

std::string canonical_query(std::string_view query) {
    auto fields = fields_of(query);
    for (auto& [name, value] : fields) {
        name = escaped(name);
        value = escaped(value);
    }
    std::ranges::sort(fields);
    std::string made;
    for (const auto& [name, value] : fields)
        made += fmt::format("{}{}={}", made.empty() ? "" : "&", name, value);
    return made;
}

bool is_for_google(const http::Request& request) {
    return std::ranges::any_of(request.headers, [](const http::Header& header) {
        return ::strncasecmp(header.name.c_str(), google.prefix.data(), google.prefix.size()) == 0;
    });
}

Buffer hmac(ByteView key, std::string_view text) {
    return crypto::hmac_sha256(key, as_bytes(text));
}

// Returns 20130524T000000Z.
std::string basic_time(Time time) {
    std::string text = format_time(time);
    std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
    return text;
}

}  // namespace

Result<CanonicalRequest> canonical_request(const http::Request& request,
                                           const std::string& body_hash) {
    TRY(const Url url, split_url(request.url));
    std::map<std::string, std::string> headers = {{"host", url.host}};
    for (const http::Header& header : request.headers) {
        const std::string name = lower_case(header.name);
        if (!is_signed(name) || name == "host") continue;
        auto [at, added] = headers.try_emplace(name, trimmed(header.value));
        if (!added) at->second += "," + trimmed(header.value);
    }
    CanonicalRequest made;
    made.text = fmt::format("{}\n{}\n{}\n", request.method, canonical_path(url.path),
                            canonical_query(url.query));
    for (const auto& [name, value] : headers) {
        made.text += fmt::format("{}:{}\n", name, value);
        made.signed_headers += (made.signed_headers.empty() ? "" : ";") + name;
    }
    made.text += fmt::format("\n{}\n{}", made.signed_headers, body_hash);
    return made;
}

Result<void> sign_as_aws(http::Request& request, const Credentials& key,
                         const SignatureScope& scope, const std::string& body_hash) {
    const bool for_s3 = scope.service == "s3";
    const Spelling& spelling = for_s3 && is_for_google(request) ? google : amazon;
    const std::string_view service = for_s3 ? spelling.service : std::string_view(scope.service);
    const std::string time = basic_time(scope.time);
    const std::string date = time.substr(0, 8);

    request.headers.set(fmt::format("{}date", spelling.prefix), time);
    if (for_s3) request.headers.set(fmt::format("{}content-sha256", spelling.prefix), body_hash);
    if (!key.session_token.empty())
        request.headers.set(fmt::format("{}security-token", spelling.prefix), key.session_token);
    TRY(const CanonicalRequest canonical, canonical_request(request, body_hash));

    const std::string place = fmt::format("{}/{}/{}/{}", date, scope.region, service, spelling.end);
    const std::string text = fmt::format("{}-HMAC-SHA256\n{}\n{}\n{}", spelling.name, time, place,
                                         to_hex(crypto::sha256(as_bytes(canonical.text))));
    Buffer signing_key = hmac(as_bytes(fmt::format("{}{}", spelling.name, key.secret)), date);
    signing_key = hmac(signing_key, scope.region);
    signing_key = hmac(signing_key, service);
    signing_key = hmac(signing_key, spelling.end);
    request.headers.set(
        "Authorization",
        fmt::format("{}-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}",
                    spelling.name, key.id, place, canonical.signed_headers,
                    to_hex(hmac(signing_key, text))));
    return {};
}

}  // namespace flexfs::cloud
