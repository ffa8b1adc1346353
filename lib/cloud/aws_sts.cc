#include "lib/cloud/aws_sts.h"

#include <cerrno>

#include "lib/base/format.h"
#include "lib/cloud/answer.h"
#include "lib/cloud/aws_signature.h"
#include "lib/cloud/secret_files.h"
#include "lib/cloud/url.h"
#include "lib/cloud/xml.h"
#include "lib/crypto/crypto.h"

namespace flexfs::cloud {
namespace {

constexpr const char* service = "the Security Token Service (STS) of AWS";

Result<std::string> endpoint_of(const Context& context, const std::string& region) {
    const std::string given = context.variable("AWS_ENDPOINT_URL_STS");
    if (!given.empty()) {
        if (is_private(given)) return given;
        return explain(EACCES,
                       "AWS_ENDPOINT_URL_STS is not a URL with https://, and credentials "
                       "are not sent without encryption");
    }
    if (region.empty()) return "https://sts.amazonaws.com/";
    return fmt::format("https://sts.{}.amazonaws.com{}/", region,
                       region.starts_with("cn-") ? ".cn" : "");
}

std::vector<std::pair<std::string, std::string>> fields_for(const std::string& action,
                                                            const AwsRole& role) {
    std::vector<std::pair<std::string, std::string>> fields = {
        {"Action", action},
        {"Version", "2011-06-15"},
        {"RoleArn", role.arn},
        {"RoleSessionName", role.session_name.empty() ? "flexfs" : role.session_name}};
    if (!role.external_id.empty()) fields.emplace_back("ExternalId", role.external_id);
    if (!role.duration_seconds.empty())
        fields.emplace_back("DurationSeconds", role.duration_seconds);
    return fields;
}

Result<std::string> child_of(XmlElement element, const char* name) {
    auto text = element.child_text(name);
    if (text && !text->empty() && fits_header(*text)) return std::move(*text);
    return explain(EIO, fmt::format("the answer of {} has no usable {}", service, name));
}

}  // namespace

Result<Credentials> parse_role_credentials(std::string_view text, const std::string& action,
                                           Time now) {
    const auto xml = Xml::parse(text, {.bytes_max = 1 << 20, .tags_max = 1000});
    if (!xml)
        return explain(
            EIO, fmt::format("the answer of {} cannot be read: {}", service, xml.error().context));
    const XmlElement found = xml->root().child(action + "Result").child("Credentials");
    Credentials got{.kind = Credentials::Kind::key};
    TRY(got.id, child_of(found, "AccessKeyId"));
    TRY(got.secret, child_of(found, "SecretAccessKey"));
    TRY(got.session_token, child_of(found, "SessionToken"));
    TRY(const std::string expiration, child_of(found, "Expiration"));
    TRY(got.expires, expiry_of(expiration, fmt::format("the answer of {}", service), now));
    return got;
}

Task<Credentials> assume_role(Context& context, AwsRole role, Credentials key) {
    const std::string endpoint = co_await endpoint_of(context, role.region);
    auto request = post_form(endpoint, form_of(fields_for("AssumeRole", role)));
    const std::string hash = to_hex(crypto::sha256(request.body));
    const SignatureScope scope{.time = context.now(),
                               .region = role.region.empty() ? "us-east-1" : role.region,
                               .service = "sts"};
    co_await sign_as_aws(request, key, scope, hash);
    const std::string answer = co_await ask(context.client(), std::move(request), service);
    co_return parse_role_credentials(answer, "AssumeRole", context.now());
}

Task<Credentials> assume_role_with_token(Context& context, AwsRole role, std::string token_file) {
    const std::string endpoint = co_await endpoint_of(context, role.region);
    auto fields = fields_for("AssumeRoleWithWebIdentity", role);
    std::string token = co_await read_token_file(context.loop(), std::move(token_file));
    fields.emplace_back("WebIdentityToken", std::move(token));
    const std::string answer =
        co_await ask(context.client(), post_form(endpoint, form_of(fields)), service);
    co_return parse_role_credentials(answer, "AssumeRoleWithWebIdentity", context.now());
}

}  // namespace flexfs::cloud
