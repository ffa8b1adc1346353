// From an unsuccessful answer of a provider to an errno and a sentence for users.
#pragma once

#include "lib/base/result.h"
#include "lib/cloud/xml.h"
#include "lib/http/message.h"
#include "lib/object/dialect.h"

namespace flexfs::object {

// Reads what the answer says. An answer that is not of an object store gives a failure without a
// name.
Failure read_failure(const http::Response& response);

// Returns a provider's text as it can be shown: without control characters, not longer than a line.
std::string shown_message(std::string_view message);
// Returns the text of the element's child, likewise; empty if there is none.
std::string shown_text(cloud::XmlElement element, std::string_view name);

// Returns the row of the dialect for the failure: by name, else by status, else a general one.
ErrorRow row_of(const Dialect& dialect, const Failure& failure, Purpose purpose);

// Makes the error. `credentials` describes where they are from.
Error explained(const Dialect& dialect, const ErrorRow& row, const Failure& failure,
                Purpose purpose, const std::string& credentials);

}  // namespace flexfs::object
