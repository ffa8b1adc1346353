#include "lib/object/s3_messages.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/base/text.h"
#include "lib/cloud/xml.h"
#include "lib/object/http_text.h"

namespace flexfs::object {
namespace {

std::string_view without_space_before(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t\r\n");
    return begin == std::string_view::npos ? std::string_view{} : text.substr(begin);
}

// A list that was cut short begins as one.
bool is_begun(std::string_view body, std::string_view root) {
    const auto text = without_space_before(body);
    return text.starts_with("<?xml") || text.starts_with(fmt::format("<{}", root));
}

std::string text_of(cloud::XmlElement element, std::string_view name) {
    return element.child_text(name).value_or("");
}

Result<Listed> parse_object(cloud::XmlElement element, bool escaped) {
    Listed listed{.key = text_of(element, "Key")};
    if (escaped) {
        TRY(listed.key, unescaped(listed.key));
    }
    TRY(listed.bytes, parse_number(text_of(element, "Size")));
    TRY(listed.modified, parse_time(text_of(element, "LastModified")));
    return listed;
}

// Reads a document whose root has the name. EIO with a phrase: it is cut short or damaged, or an
// error. EINVAL: it is something else.
Result<cloud::Xml> parse_document(std::string_view body, std::string_view root) {
    auto document = cloud::Xml::parse(body);
    if (!document && is_begun(body, root)) return fail(EIO, "its XML is cut short or damaged");
    if (!document) return fail(EINVAL);
    const auto name = document->root().name();
    if (name == "Error") return fail(EIO, "it is both a success and an error");
    if (name != root) return fail(EINVAL);
    return document;
}

std::string escaped_xml(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&apos;"; break;
            default: out += c;
        }
    }
    return out;
}

// Returns how many bytes the UTF-8 sequence at the beginning of the text has; 0 if it is not one
// of a character that XML allows.
std::size_t character_bytes(std::string_view text) {
    const auto byte = [&](std::size_t i) -> unsigned {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
    };
    const unsigned first = byte(0);
    if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
    const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4) return 0;
    unsigned code = first & (0x7fu >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return 0;
        code = code << 6 | (byte(i) & 0x3f);
    }
    constexpr unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool allowed = code >= least[bytes] && code <= 0x10ffff &&
                         !(code >= 0xd800 && code <= 0xdfff) && code != 0xfffe && code != 0xffff;
    return allowed ? bytes : 0;
}

}  // namespace

Result<S3ListPage> parse_s3_list(std::string_view body) {
    TRY(const auto document, parse_document(body, "ListBucketResult"));
    const cloud::XmlElement list = document.root();
    const bool escaped = text_of(list, "EncodingType") == "url";
    const std::string truncated = text_of(list, "IsTruncated");
    if (truncated != "true" && truncated != "false")
        return fail(EIO, "its list does not say whether it is complete");
    S3ListPage page;
    for (const cloud::XmlElement element : list.children("Contents")) {
        auto object = parse_object(element, escaped);
        if (!object) return fail(EIO, "its list has an object that cannot be understood");
        page.objects.push_back(std::move(*object));
    }
    if (truncated == "false") return page;
    page.next = text_of(list, "NextContinuationToken");
    if (page.next.empty()) return fail(EIO, "its list does not say how it continues");
    return page;
}

std::string s3_delete_body(const std::vector<std::string>& keys) {
    std::string body =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>";
    for (const std::string& key : keys)
        body += "<Object><Key>" + escaped_xml(key) + "</Key></Object>";
    return body + "</Delete>";
}

bool fits_xml(std::string_view key) {
    while (!key.empty()) {
        const std::size_t bytes = character_bytes(key);
        if (bytes == 0) return false;
        key.remove_prefix(bytes);
    }
    return true;
}

Result<std::vector<Failure>> parse_s3_delete(std::string_view body) {
    const auto document = parse_document(body, "DeleteResult");
    if (code_of(document) == EINVAL) return fail(EOPNOTSUPP);
    if (!document) return fail(document.error());
    std::vector<Failure> failed;
    for (const cloud::XmlElement element : document->root().children("Error")) {
        Failure failure{.status = 200,
                        .name = shown_text(element, "Code"),
                        .message = shown_text(element, "Message")};
        if (failure.name != "NoSuchKey") failed.push_back(std::move(failure));
    }
    return failed;
}

}  // namespace flexfs::object
