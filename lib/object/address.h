// Addresses of stores, as users write them:
//
//   ./folder  /folder  ../folder        objects as files; the path is taken literally
//   file:///path?latency=20ms&errors=0.01
//   s3://bucket/prefix?endpoint=https://host:9000&region=eu-west-1&pathStyle=true
//   gs://bucket/prefix   oci://bucket/prefix?account=NAMESPACE&region=NAME
//   azure://container/prefix?account=NAME
//   memory:?latency=20ms                lost when the process ends
//
// Options of a bucket are the keys of lib/conf/store_settings.h, without the secrets. Options of
// any store, per request: latency=DURATION; errors, stall, truncate, lies = a probability from 0 to
// 1; seed=NUMBER for the random numbers. Except in a plain path, escapes such as %20 stand for
// bytes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lib/conf/store_settings.h"
#include "lib/loop/loop.h"
#include "lib/object/faulty.h"
#include "lib/object/store.h"

namespace flexfs::object {

struct Address {
    enum class Kind { file, memory, s3, gs, oci, azure };
    Kind kind = Kind::file;
    std::string folder;            // of kind file
    std::string bucket, prefix;    // of a bucket; no slash at the ends of the prefix
    conf::StoreSettings settings;  // of a bucket
    Faults faults;

    bool is_bucket() const { return kind != Kind::file && kind != Kind::memory; }
    // Returns "s3://bucket/prefix".
    std::string without_options() const;
};

// True if the text is an address: a path with a '/' in it, "." or "..", or a text with a scheme.
// Any other text is the name of a volume.
bool is_address(std::string_view text);

// EINVAL with a sentence that names the fault and the correct form, and quotes no secret.
Result<Address> parse_address(std::string_view text);

// Blocks on the disk, so it is meant for the start of a program; a bucket is not asked anything
// yet. EINVAL as above; other errors say why the store cannot be opened.
Result<std::unique_ptr<Store>> open_store(Loop& loop, const Address& address);
Result<std::unique_ptr<Store>> open_store(Loop& loop, std::string_view address);

}  // namespace flexfs::object
