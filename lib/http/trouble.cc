#include "lib/http/trouble.h"

#include <cerrno>

#include "lib/base/format.h"
#include "lib/base/text.h"

namespace flexfs::http {
namespace {

template <class T>
T info(CURL* curl, CURLINFO which) {
    T value{};
    curl_easy_getinfo(curl, which, &value);
    return value;
}

Error sentence(int code, std::string text) {
    return explain(code, std::move(text)).error();
}

std::string_view without(std::string_view start, std::string_view text) {
    return text.starts_with(start) ? text.substr(start.size()) : text;
}

Error not_connected(CURL* curl, const std::string& host) {
    const int code = int(info<long>(curl, CURLINFO_OS_ERRNO));
    // Of several addresses, libcurl reports the error of one. Anything unusual counts as a refusal.
    const bool usual = code == ENETUNREACH || code == EHOSTUNREACH || code == ETIMEDOUT ||
                       code == ECONNRESET || code == ENETDOWN || code == EADDRNOTAVAIL ||
                       code == EMFILE || code == ENFILE || code == EACCES || code == EPERM;
    return fail(usual ? code : ECONNREFUSED, "connect to " + host).error();
}

Error connect_too_slow(CURL* curl, const std::string& host, Duration limit) {
    const bool resolved = info<curl_off_t>(curl, CURLINFO_NAMELOOKUP_TIME_T) > 0;
    return too_slow(resolved ? fmt::format("no connection to {} was established", host)
                             : fmt::format("the name of {} was not resolved", host),
                    limit);
}

}  // namespace

Error too_slow(const std::string& what, Duration limit) {
    return sentence(ETIMEDOUT, fmt::format("{} within {}", what, format_duration(limit)));
}

Error trouble_of(CURL* curl, CURLcode code, std::string_view detail, const std::string& host,
                 const ClientOptions& options) {
    const long proxy_status = info<long>(curl, CURLINFO_HTTP_CONNECTCODE);
    if (proxy_status >= 300)
        return sentence(EACCES, fmt::format("the proxy refused a connection to {} with status {}",
                                            host, proxy_status));
    switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST:
            return sentence(EHOSTUNREACH, fmt::format("the name of {} cannot be resolved", host));
        case CURLE_COULDNT_RESOLVE_PROXY:
            return sentence(EHOSTUNREACH,
                            fmt::format("the name of the proxy for {} cannot be resolved", host));
        case CURLE_COULDNT_CONNECT: return not_connected(curl, host);
        case CURLE_OPERATION_TIMEDOUT:
            return connect_too_slow(curl, host, options.timeouts.connect);
        case CURLE_PROXY:
            return sentence(EACCES, fmt::format("the proxy refused a connection to {}", host));
        case CURLE_PEER_FAILED_VERIFICATION:
            return sentence(
                EACCES,
                fmt::format("the certificate of {} is not trusted: {}", host,
                            without("SSL: ", without("SSL certificate problem: ", detail))));
        case CURLE_SSL_CACERT_BADFILE:
            return sentence(EACCES, fmt::format("the trusted certificates cannot be read from {}",
                                                options.ca_cert.empty() ? "the system's file"
                                                                        : options.ca_cert));
        case CURLE_SSL_CONNECT_ERROR:
            // libcurl adds this when the connection ended and OpenSSL itself has nothing to say.
            if (detail.contains("SSL_connect:"))
                return sentence(ECONNRESET,
                                fmt::format("{} closed the connection in the TLS handshake", host));
            return sentence(EPROTO,
                            fmt::format("the TLS handshake with {} failed: {}", host, detail));
        case CURLE_PARTIAL_FILE:
            return sentence(
                ECONNRESET,
                fmt::format("{} closed the connection in the middle of a response", host));
        case CURLE_GOT_NOTHING:
            return sentence(ECONNRESET,
                            fmt::format("{} closed the connection without an answer", host));
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_HTTP2_STREAM:
            return sentence(ECONNRESET, fmt::format("the connection to {} was lost", host));
        // libcurl reports a header line of more than 100 KiB as lack of memory.
        case CURLE_OUT_OF_MEMORY:
            return sentence(EPROTO, fmt::format("{} sent a header that is too long", host));
        default:
            return sentence(EPROTO, fmt::format("{} does not answer with valid HTTP: {}", host,
                                                curl_easy_strerror(code)));
    }
}

}  // namespace flexfs::http
