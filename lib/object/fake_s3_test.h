// A bucket in memory that speaks as much of the S3 API as a store needs.
#pragma once

#include <map>
#include <string>

#include "lib/object/fake_server_test.h"

namespace flexfs::object {

inline FakeAnswer s3_error(unsigned status, std::string code, std::string message = "Why not.",
                           std::string more = "") {
    return {status,
            {{"Content-Type", "application/xml"}},
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + code +
                "</Code><Message>" + message + "</Message>" + more + "</Error>"};
}

class FakeS3 {
public:
    struct Object {
        std::string data;
        std::string tag;
    };
    std::map<std::string, Object> objects;  // of the bucket "box"

    bool ignores_conditions = false;
    bool wants_bare_tags = false;  // in If-Match, without quotes
    bool deletes_together = true;
    std::size_t page_max = 1000;

    FakeAnswer answer(const FakeRequest& request) {
        const std::string bucket = "/box";
        if (!request.path.starts_with(bucket)) return s3_error(404, "NoSuchBucket");
        const std::string key = request.path.substr(std::min(request.path.size(), 5ul));
        if (key.empty() && request.method == "GET") return list(request);
        if (key.empty() && request.method == "POST") return remove_together(request);
        if (request.method == "PUT") return put(key, request);
        if (request.method == "DELETE") {
            objects.erase(key);
            return {204};
        }
        if (request.method == "GET" || request.method == "HEAD") return get(key, request);
        return s3_error(405, "MethodNotAllowed");
    }

private:
    static std::string quoted(const std::string& tag) { return '"' + tag + '"'; }
    FakeAnswer put(const std::string& key, const FakeRequest& request) {
        const auto old = objects.find(key);
        const std::string wanted = request.header("If-Match");
        if (!ignores_conditions) {
            if (request.header("If-None-Match") == "*" && old != objects.end())
                return s3_error(412, "PreconditionFailed");
            if (!wanted.empty() && old == objects.end()) return s3_error(404, "NoSuchKey");
            if (!wanted.empty() && old->second.tag != (wants_bare_tags ? quoted(wanted) : wanted))
                return s3_error(412, "PreconditionFailed");
        }
        const std::string tag = fmt::format("\"{:032}\"", ++puts_);
        objects[key] = {request.body, tag};
        return {200, {{"ETag", tag}}};
    }
    FakeAnswer get(const std::string& key, const FakeRequest& request) const {
        const auto at = objects.find(key);
        if (at == objects.end())
            return request.method == "HEAD" ? FakeAnswer{404} : s3_error(404, "NoSuchKey");
        const std::string& data = at->second.data;
        const std::string range = request.header("Range");
        if (request.method == "HEAD")
            return {200,
                    {{"ETag", at->second.tag}, {"Content-Length", std::to_string(data.size())}}};
        if (range.empty()) return {200, {{"ETag", at->second.tag}}, data};
        const auto dash = range.find('-');
        const std::uint64_t first = *parse_number(range.substr(6, dash - 6));
        const std::uint64_t last = *parse_number(range.substr(dash + 1));
        if (first >= data.size()) return s3_error(416, "InvalidRange");
        const std::uint64_t end = std::min<std::uint64_t>(data.size(), last + 1);
        return {206,
                {{"Content-Range", fmt::format("bytes {}-{}/{}", first, end - 1, data.size())}},
                data.substr(first, end - first)};
    }
    FakeAnswer list(const FakeRequest& request) const {
        const std::string prefix = request.parameter("prefix").value_or("");
        const std::string token = request.parameter("continuation-token").value_or("");
        const std::string after =
            token.empty() ? request.parameter("start-after").value_or("") : token;
        const std::size_t most =
            std::min<std::size_t>(page_max, *parse_number(*request.parameter("max-keys")));
        std::string body = "<ListBucketResult><EncodingType>url</EncodingType>";
        std::size_t count = 0;
        std::string last;
        bool truncated = false;
        for (const auto& [key, object] : objects) {
            if (!key.starts_with(prefix) || key <= after) continue;
            truncated = count == most;
            if (truncated) break;
            ++count;
            last = key;
            body += fmt::format(
                "<Contents><Key>{}</Key><LastModified>2024-05-06T07:08:09.000Z</LastModified>"
                "<Size>{}</Size></Contents>",
                escaped_path(key), object.data.size());
        }
        body += fmt::format("<IsTruncated>{}</IsTruncated>", truncated);
        if (truncated) body += "<NextContinuationToken>" + last + "</NextContinuationToken>";
        return {200, {}, body + "</ListBucketResult>"};
    }
    FakeAnswer remove_together(const FakeRequest& request) {
        if (!deletes_together) return s3_error(501, "NotImplemented");
        if (request.header("Content-MD5").empty()) return s3_error(400, "InvalidRequest");
        const std::string open = "<Key>", close = "</Key>";
        for (std::size_t at = 0; (at = request.body.find(open, at)) != std::string::npos; ++at) {
            const std::size_t begin = at + open.size();
            objects.erase(request.body.substr(begin, request.body.find(close, begin) - begin));
        }
        return {200, {}, "<DeleteResult></DeleteResult>"};
    }

    std::uint64_t puts_ = 0;
};

}  // namespace flexfs::object
