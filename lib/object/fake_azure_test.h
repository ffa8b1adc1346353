// A container in memory that speaks as much of Azure's Blob service as a store needs.
#pragma once

#include <map>
#include <string>

#include "lib/object/fake_server_test.h"

namespace flexfs::object {

inline FakeAnswer azure_error(unsigned status, std::string code, std::string detail = "") {
    const std::string body = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>" + code +
                             "</Code><Message>Why not.</Message><AuthenticationErrorDetail>" +
                             detail + "</AuthenticationErrorDetail></Error>";
    return {status, {{"x-ms-error-code", code}, {"Content-Type", "application/xml"}}, body};
}

class FakeAzure {
public:
    struct Object {
        std::string data;
        std::string tag;
    };
    std::map<std::string, Object> objects;  // of the container "box" of the account "test"

    std::size_t page_max = 1000;
    unsigned batch_status = 0;  // of each part of a batch, instead of a deletion

    FakeAnswer answer(const FakeRequest& request) {
        const std::string container = "/test/box";
        if (!request.path.starts_with(container)) return azure_error(404, "ContainerNotFound");
        const std::string key = request.path.substr(std::min(request.path.size(), 10ul));
        if (key.empty() && request.parameter("comp") == "list") return list(request);
        if (key.empty() && request.parameter("comp") == "batch") return batch(request);
        if (request.method == "PUT") return put(key, request);
        if (request.method == "DELETE")
            return objects.erase(key) ? FakeAnswer{202} : azure_error(404, "BlobNotFound");
        return get(key, request);
    }

private:
    FakeAnswer put(const std::string& key, const FakeRequest& request) {
        if (request.header("x-ms-blob-type") != "BlockBlob")
            return azure_error(400, "MissingRequiredHeader");
        const auto old = objects.find(key);
        if (request.header("If-None-Match") == "*" && old != objects.end())
            return azure_error(409, "BlobAlreadyExists");
        const std::string wanted = request.header("If-Match");
        if (!wanted.empty() && (old == objects.end() || old->second.tag != wanted))
            return azure_error(412, "ConditionNotMet");
        const std::string tag = fmt::format("\"0x8D{:012X}\"", ++puts_);
        objects[key] = {request.body, tag};
        return {201, {{"ETag", tag}}};
    }
    FakeAnswer get(const std::string& key, const FakeRequest& request) const {
        const auto at = objects.find(key);
        if (at == objects.end()) return azure_error(404, "BlobNotFound");
        const auto& [data, tag] = at->second;
        if (request.method == "HEAD")
            return {200, {{"ETag", tag}, {"Content-Length", std::to_string(data.size())}}};
        const std::string range = request.header("Range");
        if (range.empty()) return {200, {{"ETag", tag}}, data};
        const auto dash = range.find('-');
        const std::uint64_t first = *parse_number(range.substr(6, dash - 6));
        const std::uint64_t last = *parse_number(range.substr(dash + 1));
        if (first >= data.size()) return azure_error(416, "InvalidRange");
        const std::uint64_t end = std::min<std::uint64_t>(data.size(), last + 1);
        return {206,
                {{"Content-Range", fmt::format("bytes {}-{}/{}", first, end - 1, data.size())}},
                data.substr(first, end - first)};
    }
    FakeAnswer list(const FakeRequest& request) const {
        const std::string prefix = request.parameter("prefix").value_or("");
        const std::string marker = request.parameter("marker").value_or("");
        const std::size_t most =
            std::min<std::size_t>(page_max, *parse_number(*request.parameter("maxresults")));
        std::string body = "<EnumerationResults><Blobs>";
        std::string next;
        std::size_t count = 0;
        for (const auto& [key, object] : objects) {
            if (!key.starts_with(prefix) || key < marker) continue;
            if (count++ == most) {
                next = key;
                break;
            }
            body += fmt::format(
                "<Blob><Name>{}</Name><Properties><Last-Modified>Mon, 06 May 2024 07:08:09 GMT"
                "</Last-Modified><Content-Length>{}</Content-Length></Properties></Blob>",
                key, object.data.size());
        }
        return {
            200, {}, body + "</Blobs><NextMarker>" + next + "</NextMarker></EnumerationResults>"};
    }
    FakeAnswer batch(const FakeRequest& request) {
        std::string body;
        const std::string start = "DELETE /test/box/";
        std::size_t id = 0;
        for (std::size_t at = 0; (at = request.body.find(start, at)) != std::string::npos; ++id) {
            at += start.size();
            const auto key = request.body.substr(at, request.body.find(' ', at) - at);
            unsigned status = batch_status;
            if (status == 0) status = objects.erase(unescaped(key).value()) ? 202 : 404;
            body += fmt::format(
                "--batchresponse_1\r\nContent-Type: application/http\r\nContent-ID: {}\r\n\r\n"
                "HTTP/1.1 {} Status\r\nx-ms-request-id: 1\r\n\r\n",
                id, status);
        }
        return {202,
                {{"Content-Type", "multipart/mixed; boundary=batchresponse_1"}},
                body + "--batchresponse_1--\r\n"};
    }

    std::uint64_t puts_ = 0;
};

}  // namespace flexfs::object
