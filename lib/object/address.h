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
#include "lib/metrics/registry.h"
#include "lib/object/faulty.h"
#include "lib/object/gated.h"
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
    // Returns a file name for what belongs to a bucket's address: "s3:HOST:bucket:prefix", without
    // the host if it is the provider's own.
    std::string file_name() const;
};

// True if the text is an address: a path with a '/' in it, "." or "..", or a text with a scheme.
// Any other text is the name of a volume.
bool is_address(std::string_view text);

// EINVAL with a sentence that names the fault and the correct form, and quotes no secret.
Result<Address> parse_address(std::string_view text);

// Completes the settings of a bucket: `flags` precede those of the address, and these precede the
// creds file, which is `creds_file` or, if that is empty, default_creds_file(), if it exists.
// EINVAL: there are flags, and the address is not a bucket's; also errors of conf::load_creds().
Result<void> complete_settings(Address& address, const conf::StoreSettings& flags,
                               const std::string& creds_file);
// Returns the path of the creds file that is used for the bucket unless another one is given.
std::string default_creds_file(const Address& address);

// How a store is opened, beside its address.
struct OpenOptions {
    Permit permit;                         // asked before each change; null: all are permitted
    metrics::Registry* metrics = nullptr;  // of the requests; must outlive the store
};

// Blocks on the disk, so it is meant for the start of a program; a bucket is not asked anything
// yet. EINVAL as above; other errors say why the store cannot be opened.
Result<std::unique_ptr<Store>> open_store(Loop& loop, const Address& address,
                                          OpenOptions options = {});
Result<std::unique_ptr<Store>> open_store(Loop& loop, std::string_view address);

}  // namespace flexfs::object
