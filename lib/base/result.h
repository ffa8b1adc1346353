// The one error vocabulary: an errno with a sentence of context. lib/README.md describes how errors
// travel.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace flexfs {

// An errno value (never 0) and, for people, what was being done. An *answer* (ENOENT, EEXIST, …)
// usually carries no context; a *fault* always does.
struct Error {
    int code = 0;
    std::string context;
    bool explained = false;  // the context is a complete sentence
    // The request that ended with this error changed nothing and never will. Only code that knows
    // this says so (refuse()). Any other error of a request, such as a cancelled wait, a lost
    // connection or a failed sync, leaves open whether the request was executed.
    bool refused = false;

    // Returns "context: No such file or directory"; only the second part if there is no context,
    // and only the context if it is a complete sentence, which it always is with EINVAL and EPROTO
    // (but see fail_errno()).
    std::string message() const;

    friend bool operator==(const Error& a, const Error& b) { return a.code == b.code; }
};

template <class T>
using Result = std::expected<T, Error>;

// Returns the error branch of any Result: `return fail(ENOENT);`.
inline std::unexpected<Error> fail(int code) {
    return std::unexpected(Error{code, {}});
}
std::unexpected<Error> fail(int code, std::string context);
// Makes an error whose context is a complete sentence, without the system's text after it.
std::unexpected<Error> explain(int code, std::string sentence);
inline std::unexpected<Error> fail(Error error) {
    return std::unexpected(std::move(error));
}

// Makes an error from the current errno: `return fail_errno("open /x");`.
std::unexpected<Error> fail_errno(std::string context);

// Marks the error as a refusal: nothing was changed and nothing will be.
inline Error refuse(Error error) {
    error.refused = true;
    return error;
}

// Returns 0 for success, else the errno: the form in which replies on the wire and to the kernel
// carry it.
template <class T>
int code_of(const Result<T>& result) {
    return result ? 0 : result.error().code;
}

}  // namespace flexfs

#define FLEXFS_CONCAT_(a, b) a##b
#define FLEXFS_CONCAT(a, b) FLEXFS_CONCAT_(a, b)
#define FLEXFS_TRY_1(expr)                                                        \
    if (auto try_result = (expr); !try_result) [[unlikely]]                       \
        return std::unexpected(std::move(try_result.error()))
#define FLEXFS_TRY_2(decl, expr)                                                  \
    auto FLEXFS_CONCAT(try_result_, __LINE__) = (expr);                           \
    if (!FLEXFS_CONCAT(try_result_, __LINE__)) [[unlikely]]                       \
        return std::unexpected(std::move(FLEXFS_CONCAT(try_result_, __LINE__).error())); \
    decl = *std::move(FLEXFS_CONCAT(try_result_, __LINE__))
#define FLEXFS_PICK(a, b, which, ...) which

// In a function that returns a Result, TRY(f()) or TRY(auto x, f()) continues with the value or
// returns the error. An expression with commas outside parentheses needs parentheses around it.
#define TRY(...) FLEXFS_PICK(__VA_ARGS__, FLEXFS_TRY_2, FLEXFS_TRY_1)(__VA_ARGS__)
