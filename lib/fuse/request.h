// A request of the kernel: a header, then a body of fixed structs, names and data.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/result.h"
#include "lib/fuse/protocol.h"
#include "lib/wire/types.h"

namespace flexfs::fuse {

class Request {
public:
    Request(const fuse_in_header& header, Buffer body) : header_(header), body_(std::move(body)) {}

    std::uint64_t unique() const { return header_.unique; }
    std::uint32_t opcode() const { return header_.opcode; }
    wire::Ino ino() const { return header_.nodeid; }
    std::uint32_t pid() const { return header_.pid; }  // of the thread
    wire::Who who() const { return {header_.uid, header_.gid}; }

    // Returns the struct at the start of the body. Older kernels send shorter ones: missing fields
    // are zero.
    template <class T>
    T head() const {
        T value{};
        if (!body_.empty()) std::memcpy(&value, body_.data(), std::min(sizeof value, body_.size()));
        return value;
    }
    // Returns the zero-terminated string that starts `offset` bytes into the body; EINVAL if it has
    // no end.
    Result<std::string> name(std::size_t offset = 0) const {
        if (offset > body_.size()) return fail(EINVAL);
        const std::string_view rest = body_.text().substr(offset);
        const auto end = rest.find('\0');
        if (end == std::string_view::npos) return fail(EINVAL);
        return std::string(rest.substr(0, end));
    }
    // Returns `size` bytes from `offset`, sharing the request's memory; EINVAL if the body is
    // shorter.
    Result<Buffer> data(std::size_t offset, std::size_t size) const {
        if (offset > body_.size() || size > body_.size() - offset) return fail(EINVAL);
        return body_.slice(offset, size);
    }

private:
    fuse_in_header header_;
    Buffer body_;
};

}  // namespace flexfs::fuse
