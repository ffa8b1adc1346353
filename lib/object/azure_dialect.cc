#include "lib/object/azure_dialect.h"

#include <cerrno>

#include "lib/base/format.h"
#include "lib/object/http_text.h"
#include "lib/object/store.h"

namespace flexfs::object {
namespace {

constexpr std::string_view name_characters = "abcdefghijklmnopqrstuvwxyz0123456789-";

bool is_name(std::string_view text) {
    return text.size() >= 3 && text.size() <= 63 &&
           text.find_first_not_of(name_characters) == std::string_view::npos;
}

std::unexpected<Error> wrong(std::string sentence) {
    return fail(EINVAL, std::move(sentence));
}

}  // namespace

Result<std::unique_ptr<AzureDialect>> AzureDialect::make(const AzureOptions& options) {
    if (!is_name(options.container))
        return wrong(
            fmt::format("'{}' is not the name of a container; names have 3 to 63 small "
                        "letters, digits and '-'",
                        options.container.substr(0, 63)));
    if (!options.prefix.empty() && !check_key(options.prefix))
        return wrong(
            fmt::format("'{}' cannot be the prefix of a store; its names may neither be "
                        "empty nor begin with '.'",
                        options.prefix.substr(0, 255)));
    std::unique_ptr<AzureDialect> made(new AzureDialect);
    made->container_ = options.container;
    if (!options.endpoint.empty()) {
        TRY(made->endpoint_, parse_endpoint(options.endpoint));
    } else if (is_name(options.account)) {
        made->endpoint_ = {"https", options.account + ".blob.core.windows.net", ""};
    } else {
        return wrong(
            fmt::format("'{}' is not the name of a storage account; an azure:// address "
                        "needs account=NAME or endpoint=URL",
                        options.account.substr(0, 63)));
    }
    return made;
}

std::string AzureDialect::url(const std::string& key, const std::string& query) const {
    std::string url = endpoint_.text() + '/' + container_;
    if (!key.empty()) url += '/' + escaped_path(key);
    return query.empty() ? url : url + '?' + query;
}

http::Headers AzureDialect::headers() const {
    return {{"x-ms-version", "2021-12-02"}};
}

http::Header AzureDialect::condition(const std::string& tag) const {
    if (tag.empty()) return {"If-None-Match", "*"};
    return {"If-Match", tag};
}

}  // namespace flexfs::object
