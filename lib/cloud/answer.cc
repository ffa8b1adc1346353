#include "lib/cloud/answer.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <optional>

#include "lib/base/format.h"
#include "lib/base/text.h"
#include "lib/cloud/url.h"
#include "lib/cloud/xml.h"

namespace flexfs::cloud {
namespace {

constexpr std::size_t text_bytes_max = 64 << 10;
constexpr std::size_t reason_bytes_max = 300;
constexpr std::size_t word_bytes_max = 100;
constexpr std::size_t secret_bytes_min = 4;  // shorter words occur in secrets by chance
constexpr double lifetime_seconds_max = 10 * 365 * 86400.0;

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~+/=").contains(c);
}

// True if the word is a part of a secret in the request.
bool is_secret(std::string_view word, const http::Request& request) {
    static constexpr std::string_view secret_fields[] = {
        "WebIdentityToken", "assertion", "client_assertion", "client_secret", "refresh_token"};
    for (const Buffer& piece : request.body)
        for (const auto& [name, value] : fields_of(piece.text()))
            if (std::ranges::find(secret_fields, name) != std::end(secret_fields) &&
                value.contains(word))
                return true;
    return std::ranges::any_of(request.headers, [word](const http::Header& header) {
        return header.name != "Content-Type" && header.value.contains(word);
    });
}

// A server may repeat what it got.
std::string without_secrets(std::string_view text, const http::Request& request) {
    std::string made;
    for (std::size_t at = 0; at < text.size() && made.size() < reason_bytes_max;) {
        std::size_t end = at;
        while (end < text.size() && is_word(text[end])) ++end;
        const std::string_view word = text.substr(at, end - at);
        if (word.size() >= secret_bytes_min && is_secret(word, request)) made += "…";
        else made += word.substr(0, word_bytes_max);
        if (end < text.size()) made += text[end] >= ' ' && text[end] < 0x7f ? text[end] : ' ';
        at = end + 1;
    }
    return made;
}

std::string text_or_empty(const Json& object, const char* name) {
    if (!object.is_object()) return {};
    const auto field = object.find(name);
    return field != object.end() && field->is_string() ? field->get<std::string>() : "";
}

std::string joined(std::string code, std::string message) {
    if (code.empty() || message.empty()) return code + message;
    return code + ": " + message;
}

// Finds the reason in the errors of OAuth ({"error", "error_description"}), of AWS in JSON
// ({"Code", "Message"}; also in lower case) and in XML.
std::string reason_in(std::string_view body) {
    const Json json = Json::parse(body, nullptr, false);
    if (json.is_object()) {
        static constexpr std::pair<const char*, const char*> names[] = {
            {"error", "error_description"}, {"Code", "Message"}, {"code", "message"}};
        for (const auto& [code, message] : names) {
            std::string reason = joined(text_or_empty(json, code), text_or_empty(json, message));
            if (!reason.empty()) return reason;
        }
        return json.contains("error") ? joined("", text_or_empty(json["error"], "message")) : "";
    }
    const auto xml = Xml::parse(body);
    if (!xml) return {};
    XmlElement error = xml->root().child("Error");
    if (!error) error = xml->root();
    return joined(error.child_text("Code").value_or(""), error.child_text("Message").value_or(""));
}

Error not_answered(Error error, const std::string& service) {
    if (error.code == ECANCELED) return error;
    return Error{error.code,
                 fmt::format("{} cannot be asked for credentials: {}", service, error.message()),
                 true};
}

// Numbers come as numbers or as text.
std::optional<double> seconds_in(const Json& object, const char* name) {
    const auto field = object.find(name);
    if (field == object.end()) return std::nullopt;
    if (field->is_number()) return field->get<double>();
    if (!field->is_string()) return std::nullopt;
    const auto parsed = parse_number(field->get_ref<const std::string&>());
    return parsed ? std::optional(double(*parsed)) : std::nullopt;
}

}  // namespace

bool fits_header(std::string_view text) {
    return std::ranges::none_of(
        text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

http::Request post_form(std::string url, std::string form) {
    http::Request request{.method = "POST", .url = std::move(url)};
    request.headers.set("Content-Type", "application/x-www-form-urlencoded");
    request.body.push_back(Buffer::take(std::move(form)));
    return request;
}

Task<std::string> ask(http::Client& client, http::Request request, std::string service) {
    request.response_bytes_max = 1 << 20;
    auto answer = co_await result(client.send(request));
    if (!answer) co_return fail(not_answered(answer.error(), service));
    const unsigned status = answer->status;
    if (status == 200) co_return std::string(answer->body.text());
    std::string reason = without_secrets(reason_in(answer->body.text()), request);
    if (!reason.empty()) reason = " (" + reason + ")";
    const bool refused = status >= 400 && status < 500 && status != 408 && status != 429;
    if (refused)
        co_return explain(EACCES, fmt::format("{} refused to issue credentials: status {}{}",
                                              service, status, reason));
    co_return explain(EIO, fmt::format("{} cannot issue credentials at the moment: status {}{}",
                                       service, status, reason));
}

Result<Json> parse_json_object(std::string_view text, std::string_view whose) {
    Json json = Json::parse(text, nullptr, false);
    if (json.is_object()) return json;
    return explain(EINVAL, fmt::format("{} is not a JSON object", whose));
}

Task<Json> ask_for_json(http::Client& client, http::Request request, std::string service) {
    const std::string body = co_await ask(client, std::move(request), service);
    auto json = parse_json_object(body, "the answer of " + service);
    if (!json) co_return explain(EIO, json.error().context);
    co_return std::move(*json);
}

Result<std::string> text_field(const Json& object, const std::string& name,
                               std::string_view whose) {
    const auto field = object.find(name);
    if (field == object.end()) return explain(EIO, fmt::format("{} has no {}", whose, name));
    if (!field->is_string())
        return explain(EIO, fmt::format("{} has a {} that is no text", whose, name));
    const auto& text = field->get_ref<const std::string&>();
    if (text.empty() || text.size() > text_bytes_max || !fits_header(text))
        return explain(EIO, fmt::format("{} has a {} that cannot be used", whose, name));
    return text;
}

Result<Time> expiry_of(std::string_view text, std::string_view whose, Time now) {
    const auto time = parse_time(text);
    if (!time) return explain(EIO, fmt::format("{} has an expiration that is no time", whose));
    if (*time <= now)
        return explain(EIO, fmt::format("{} has credentials that expired at {}; it is {} by the "
                                        "clock of this machine",
                                        whose, format_time(*time), format_time(now)));
    return *time;
}

Result<Time> expiry_field(const Json& object, const std::string& name, std::string_view whose,
                          Time now) {
    TRY(const std::string text, text_field(object, name, whose));
    return expiry_of(text, whose, now);
}

Result<IssuedToken> token_of(const Json& answer, std::string_view whose, Time now) {
    IssuedToken issued;
    TRY(issued.token, text_field(answer, "access_token", whose));
    constexpr double nanoseconds = 1e9;
    double lifetime = 0;
    if (const auto seconds = seconds_in(answer, "expires_in")) lifetime = *seconds;
    else if (const auto at = seconds_in(answer, "expires_on"))
        lifetime = *at - double(now) / nanoseconds;
    else return explain(EIO, fmt::format("{} does not say when the token expires", whose));
    // Also false for a number that is none.
    if (!(lifetime > 0))
        return explain(EIO, fmt::format("{} has a token that has expired already", whose));
    issued.expires = now + Time(std::min(lifetime, lifetime_seconds_max) * nanoseconds);
    return issued;
}

}  // namespace flexfs::cloud
