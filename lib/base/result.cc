#include "lib/base/result.h"

#include <cerrno>
#include <cstring>

namespace flexfs {
namespace {

// The system's text for these codes explains nothing.
bool is_vague(int code) {
    return code == EINVAL || code == EPROTO;
}

}  // namespace

std::string Error::message() const {
    if (explained || (is_vague(code) && !context.empty())) return context;
    const char* text = strerrordesc_np(code);
    std::string reason = text ? text : "error " + std::to_string(code);
    return context.empty() ? reason : context + ": " + reason;
}

std::unexpected<Error> fail(int code, std::string context) {
    return std::unexpected(Error{code, std::move(context)});
}

std::unexpected<Error> explain(int code, std::string sentence) {
    return std::unexpected(Error{code, std::move(sentence), true});
}

std::unexpected<Error> fail_errno(std::string context) {
    const int code = errno;
    if (!is_vague(code)) return fail(code, std::move(context));
    // The system gives no more detail, and the context only says what was being done.
    return explain(code, context + ": " + strerrordesc_np(code));
}

}  // namespace flexfs
