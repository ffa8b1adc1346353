#include "lib/object/ranged_answer.h"

#include <cerrno>

#include "lib/base/format.h"
#include "lib/base/text.h"
#include "lib/object/http_text.h"

namespace flexfs::object {

Result<Buffer> ranged_body(const http::Response& response, std::uint64_t offset, std::size_t size) {
    const std::size_t got = response.body.size();
    if (response.status == 200) {
        // The store ignores ranges.
        if (offset + size > got)
            return fail(EIO, fmt::format("{} bytes came without a range", got));
        if (size == got) return response.body;
        return Buffer::copy_of(response.body.view().subspan(offset, size));
    }
    if (response.status != 206) return fail(EIO, fmt::format("the status is {}", response.status));
    const auto header = response.headers.find("Content-Range");
    const auto range = header ? parse_content_range(*header) : std::nullopt;
    if (!range) return fail(EIO, "it does not say which bytes it has");
    if (range->whole && *range->whole < offset + size)
        return fail(ERANGE, fmt::format("the object ends at {}", *range->whole));
    if (range->begin != offset || range->end != offset + size)
        return fail(EIO, fmt::format("bytes {} to {} came instead of {} to {}", range->begin,
                                     range->end, offset, offset + size));
    if (got != size) return fail(EIO, fmt::format("{} bytes came instead of {}", got, size));
    return response.body;
}

std::optional<std::uint64_t> whole_length(const http::Response& response) {
    if (response.status == 206) {
        const auto header = response.headers.find("Content-Range");
        const auto range = header ? parse_content_range(*header) : std::nullopt;
        return range ? range->whole : std::nullopt;
    }
    const auto header = response.headers.find("Content-Length");
    const auto bytes = header ? parse_number(*header) : fail(EINVAL);
    return bytes ? std::optional(*bytes) : std::nullopt;
}

}  // namespace flexfs::object
