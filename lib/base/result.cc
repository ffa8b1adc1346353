#include "lib/base/result.h"

#include <cerrno>
#include <cstring>

namespace flexfs {

std::string Error::message() const {
    // These two only say "wrong"; the context says what.
    const bool vague = (code == EINVAL || code == EPROTO) && !context.empty();
    if (explained || vague) return context;
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
    return fail(errno, std::move(context));
}

}  // namespace flexfs
