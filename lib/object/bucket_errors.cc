#include "lib/object/bucket_errors.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"

namespace flexfs::object {
namespace {

constexpr std::size_t message_bytes_max = 200;

std::string_view action_of(Purpose purpose) {
    switch (purpose) {
        case Purpose::get: return "read objects of";
        case Purpose::put: return "store objects in";
        case Purpose::remove: return "delete objects of";
        case Purpose::list: return "list the objects of";
    }
    return "";
}

// Rows for answers that no row of the dialect covers.
constexpr ErrorRow server_fault = {"", EIO, Remedy::none, "{endpoint} failed"};
constexpr ErrorRow busy = {"", EAGAIN, Remedy::throttle, "{endpoint} asks for fewer requests"};
constexpr ErrorRow refused_by_other = {
    "", EACCES, Remedy::none,
    "{endpoint} or a proxy before it refuses access, and does not answer as an object store "
    "does; check the endpoint"};
constexpr ErrorRow not_a_store = {
    "", EINVAL, Remedy::none,
    "{endpoint} does not answer as an object store does; check the endpoint"};
constexpr ErrorRow unknown = {"", EIO, Remedy::none, "{endpoint} refused a request"};

// True for statuses that mean the same from a store and from anything else.
bool is_exact(unsigned status) {
    return status == 405 || status == 412 || status == 416 || status == 501 || status == 507;
}

ErrorRow general_row(const Failure& failure) {
    if (failure.status == 429 || failure.status == 503) return busy;
    if (failure.status >= 500 || failure.status == 408) return server_fault;
    if (!failure.name.empty()) return unknown;
    if (failure.status == 401 || failure.status == 403 || failure.status == 407)
        return refused_by_other;
    return not_a_store;
}

}  // namespace

std::string shown_message(std::string_view message) {
    std::string shown(message.substr(0, message_bytes_max));
    const auto strange = [](char c) { return c < ' ' || c > '~'; };
    std::ranges::replace_if(shown, strange, ' ');
    if (message.size() > message_bytes_max) shown += "...";
    return shown;
}

std::string shown_text(cloud::XmlElement element, std::string_view name) {
    return shown_message(element.child_text(name).value_or(""));
}

Failure read_failure(const http::Response& response) {
    Failure failure{.status = response.status};
    if (const auto region = response.headers.find("x-amz-bucket-region"))
        failure.region = shown_message(*region);
    // Azure names the error in a header, so that HEAD has it, too.
    if (const auto name = response.headers.find("x-ms-error-code"))
        failure.name = shown_message(*name);
    const auto document = cloud::Xml::parse(response.body.text());
    const cloud::XmlElement root = document ? document->root() : cloud::XmlElement();
    if (root.name() != "Error") return failure;
    if (failure.name.empty()) failure.name = shown_text(root, "Code");
    failure.message = shown_text(root, "Message");
    failure.detail = shown_text(root, "AuthenticationErrorDetail");
    if (failure.region.empty()) failure.region = shown_text(root, "Region");
    return failure;
}

ErrorRow row_of(const Dialect& dialect, const Failure& failure, Purpose purpose) {
    const auto rows = dialect.errors();
    const auto find = [&](std::string_view name) {
        return std::ranges::find(rows, name, &ErrorRow::name);
    };
    if (!failure.name.empty()) {
        const auto row = find(dialect.refined_name(failure, purpose));
        if (row != rows.end()) return *row;
    }
    if (!failure.name.empty() || is_exact(failure.status)) {
        const auto row = find(std::to_string(failure.status));
        if (row != rows.end()) return *row;
    }
    return general_row(failure);
}

Error explained(const Dialect& dialect, const ErrorRow& row, const Failure& failure,
                Purpose purpose, const std::string& credentials) {
    std::string sentence =
        fmt::format(fmt::runtime(row.sentence), fmt::arg("address", dialect.address()),
                    fmt::arg("endpoint", dialect.endpoint()), fmt::arg("credentials", credentials),
                    fmt::arg("permission", dialect.permission(purpose)),
                    fmt::arg("action", action_of(purpose)));
    sentence += fmt::format(" (status {}", failure.status);
    if (!failure.name.empty()) sentence += ' ' + failure.name;
    if (!failure.message.empty()) sentence += ": " + failure.message;
    return Error{row.code, sentence + ')', true};
}

}  // namespace flexfs::object
