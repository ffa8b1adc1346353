// Addresses of stores, as users write them:
//
//   ./folder  /folder  ../folder        objects as files; the path is taken literally
//   file:///path?latency=20ms&errors=0.01
//   memory:?latency=20ms                lost when the process ends
//
// Options, per request: latency=DURATION; errors, stall, truncate, lies = a probability from 0 to
// 1; seed=NUMBER for the random numbers. In a file: address, escapes such as %20 stand for bytes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lib/loop/loop.h"
#include "lib/object/faulty.h"
#include "lib/object/store.h"

namespace flexfs::object {

struct Address {
    enum class Kind { file, memory };
    Kind kind = Kind::file;
    std::string folder;  // of kind file
    Faults faults;
};

// True if the text is an address: a path with a '/' in it, "." or "..", or a text with a scheme.
// Any other text is the name of a volume.
bool is_address(std::string_view text);

// EINVAL with a sentence that names the fault and the correct form.
Result<Address> parse_address(std::string_view text);

// Blocks on the disk, so it is meant for the start of a program. EINVAL as above; other errors say
// why the store cannot be opened.
Result<std::unique_ptr<Store>> open_store(Loop& loop, const Address& address);
Result<std::unique_ptr<Store>> open_store(Loop& loop, std::string_view address);

}  // namespace flexfs::object
