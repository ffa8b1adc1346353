// The XML bodies of the S3 API.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/object/bucket_errors.h"
#include "lib/object/store.h"

namespace flexfs::object {

struct S3ListPage {
    std::vector<Listed> objects;
    std::string next;  // the token of the next page; empty if there is none
};

// Reads an answer to ListObjectsV2. EINVAL: it is not from an object store. EIO with a phrase: it
// is cut short or wrong.
Result<S3ListPage> parse_s3_list(std::string_view body);

// The body of a request to delete several objects. The answer will name failures only.
std::string s3_delete_body(const std::vector<std::string>& keys);
// True if XML can represent the key.
bool fits_xml(std::string_view key);

// Returns the failures that an answer to such a request reports. EOPNOTSUPP: it is not an answer to
// such a request, which was not understood. EIO with a phrase: it is cut short or wrong.
Result<std::vector<Failure>> parse_s3_delete(std::string_view body);

}  // namespace flexfs::object
