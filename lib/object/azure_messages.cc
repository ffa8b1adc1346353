#include "lib/object/azure_messages.h"

#include <cerrno>

#include "lib/base/format.h"
#include "lib/base/text.h"
#include "lib/cloud/xml.h"
#include "lib/object/http_text.h"

namespace flexfs::object {
namespace {

std::string text_of(cloud::XmlElement element, std::string_view name) {
    return element.child_text(name).value_or("");
}

Result<Listed> parse_object(cloud::XmlElement element) {
    const cloud::XmlElement properties = element.child("Properties");
    Listed listed{.key = text_of(element, "Name")};
    TRY(listed.bytes, parse_number(text_of(properties, "Content-Length")));
    TRY(listed.modified, parse_http_date(text_of(properties, "Last-Modified")));
    return listed;
}

// Returns the path and query of a URL.
std::string_view target_of(std::string_view url) {
    const auto host = url.find("://") + 3;
    return url.substr(std::min(url.find('/', host), url.size()));
}

// Removes the first line, with its end, from the text and returns it without.
std::string_view take_line(std::string_view& text) {
    const auto end = std::min(text.find("\r\n"), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 2, text.size()));
    return line;
}

// Returns the boundary from "multipart/mixed; boundary=x"; empty if it is not such a type.
std::string_view boundary_of(std::string_view type) {
    if (!type.starts_with("multipart/mixed")) return {};
    constexpr std::string_view name = "boundary=";
    const auto at = type.find(name);
    if (at == std::string_view::npos) return {};
    auto boundary = type.substr(at + name.size());
    boundary = boundary.substr(0, boundary.find(';'));
    if (boundary.size() >= 2 && boundary.starts_with('"') && boundary.ends_with('"'))
        boundary = boundary.substr(1, boundary.size() - 2);
    return boundary;
}

struct Part {
    std::uint64_t id = UINT64_MAX;
    std::uint64_t status = 0;
};

// Reads one part: its headers, an empty line, and the beginning of an HTTP response.
Part parse_part(std::string_view text) {
    Part part;
    http::Headers headers;
    for (auto line = take_line(text); !line.empty(); line = take_line(text)) {
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        auto value = line.substr(colon + 1);
        while (value.starts_with(' ')) value.remove_prefix(1);
        headers.add(std::string(line.substr(0, colon)), std::string(value));
    }
    if (const auto id = headers.find("Content-ID"))
        if (const auto number = parse_number(*id)) part.id = *number;
    const auto line = take_line(text);
    if (line.starts_with("HTTP/1.1 "))
        if (const auto status = parse_number(line.substr(9, 3))) part.status = *status;
    return part;
}

}  // namespace

Result<AzureListPage> parse_azure_list(std::string_view body) {
    const auto document = cloud::Xml::parse(body);
    if (!document && (body.contains("<?xml") || body.contains("<EnumerationResults")))
        return fail(EIO, "its XML is cut short or damaged");
    if (!document || document->root().name() != "EnumerationResults") return fail(EINVAL);
    AzureListPage page;
    const cloud::XmlElement blobs = document->root().child("Blobs");
    if (!blobs) return fail(EIO, "its list has no objects");
    for (const cloud::XmlElement element : blobs.children("Blob")) {
        auto object = parse_object(element);
        if (!object) return fail(EIO, "its list has an object that cannot be understood");
        page.objects.push_back(std::move(*object));
    }
    if (!document->root().child("NextMarker"))
        return fail(EIO, "its list does not say whether it is complete");
    page.next = text_of(document->root(), "NextMarker");
    return page;
}

std::string azure_batch_body(const std::vector<http::Request>& requests,
                             std::string_view boundary) {
    std::string body;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        const http::Request& request = requests[i];
        body += fmt::format(
            "--{}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
            "Content-ID: {}\r\n\r\n{} {} HTTP/1.1\r\n",
            boundary, i, request.method, target_of(request.url));
        for (const http::Header& header : request.headers)
            body += header.name + ": " + header.value + "\r\n";
        body += "Content-Length: 0\r\n\r\n";
    }
    return body + fmt::format("--{}--\r\n", boundary);
}

Result<std::vector<unsigned>> parse_azure_batch(const http::Response& response, std::size_t count) {
    const auto boundary = boundary_of(response.headers.find("Content-Type").value_or(""));
    if (response.status != 202 || boundary.empty()) return fail(EOPNOTSUPP);
    const std::string line = fmt::format("--{}", boundary);
    std::vector<unsigned> statuses(count, 0);
    std::string_view rest = response.body.text();
    for (auto at = rest.find(line); at != std::string_view::npos; at = rest.find(line)) {
        rest.remove_prefix(at + line.size());
        if (!rest.starts_with("\r\n")) break;  // the end of the last part
        rest.remove_prefix(2);
        const Part part = parse_part(rest.substr(0, rest.find(line)));
        if (part.id < count) statuses[part.id] = unsigned(part.status);
    }
    for (const unsigned status : statuses)
        if (status == 0) return fail(EIO, "its answer to a batch lacks one of a request");
    return statuses;
}

}  // namespace flexfs::object
