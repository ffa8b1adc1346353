#include "lib/http/target.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "lib/base/check.h"
#include "lib/base/format.h"

namespace flexfs::http {
namespace {

struct UrlDeleter {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, UrlDeleter>;

// Returns an empty text if the URL does not have the part.
std::string part(const Url& url, CURLUPart which) {
    char* text = nullptr;
    if (curl_url_get(url.get(), which, &text, 0) != CURLUE_OK) return {};
    std::string copy = text;
    curl_free(text);
    return copy;
}

bool is_token(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").contains(c);
    });
}

bool is_value(std::string_view text) {
    return std::ranges::none_of(text, [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    });
}

}  // namespace

// No sentence contains the URL, whose query may be a signature.
Result<std::string> target_of(const Request& request) {
    const Url url(curl_url());
    check(url != nullptr);
    const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, request.url.c_str(), 0);
    if (code != CURLUE_OK || request.url.contains('\0'))
        return explain(EINVAL, fmt::format("the URL of the request is not valid: {}",
                                           curl_url_strerror(code)));
    const std::string scheme = part(url, CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https")
        return explain(EINVAL, fmt::format("the URL of the request begins with {}://, but only "
                                           "http:// and https:// are possible",
                                           scheme));
    std::string host = part(url, CURLUPART_HOST);
    if (const std::string port = part(url, CURLUPART_PORT); !port.empty()) host += ":" + port;
    for (const CURLUPart which : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_FRAGMENT})
        if (!part(url, which).empty())
            return explain(EINVAL, fmt::format("the URL of a request to {} must not contain a "
                                               "user, a password or a fragment",
                                               host));
    const auto methods = {"GET", "HEAD", "PUT", "POST", "DELETE"};
    if (std::ranges::find(methods, request.method) == methods.end())
        return explain(EINVAL, fmt::format("{} is not a method of HTTP requests", request.method));
    for (const Header& header : request.headers)
        if (!is_token(header.name) || !is_value(header.value))
            return explain(EINVAL, fmt::format("a header of a request to {} contains a character "
                                               "that HTTP does not allow",
                                               host));
    return host;
}

}  // namespace flexfs::http
