// The bodies of Azure's Blob service: lists in XML, and batches of requests in one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/http/message.h"
#include "lib/object/store.h"

namespace flexfs::object {

struct AzureListPage {
    std::vector<Listed> objects;
    std::string next;  // the marker of the next page; empty if there is none
};

// Reads an answer to List Blobs. A name with bytes that XML cannot represent, as no object of
// flexfs has, comes with escapes. EINVAL: it is not from an object store. EIO with a phrase: it is
// cut short or wrong.
Result<AzureListPage> parse_azure_list(std::string_view body);

// The body of a batch: the requests, which are signed and have no body of their own.
std::string azure_batch_body(const std::vector<http::Request>& requests, std::string_view boundary);
// Returns the HTTP status of each of the `count` requests. EOPNOTSUPP: it is not an answer to a
// batch. EIO with a phrase: an answer is missing.
Result<std::vector<unsigned>> parse_azure_batch(const http::Response& response, std::size_t count);

}  // namespace flexfs::object
