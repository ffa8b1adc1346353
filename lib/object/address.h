// Where a store is, as people write it.
//
//   ./folder  /folder  ../folder        objects as files; taken literally to its last character
//   file:///path?latency=20ms&errors=0.01
//   memory:?latency=20ms                gone with the process
//
// Options, per request: latency=DURATION; errors, stall, truncate, lies = a probability from 0 to
// 1; seed=NUMBER for the dice. In a file: address, %20 and the like stand for bytes.
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

// Whether it is meant as an address: a path with a '/' in it, "." or "..", or something with a
// scheme. Otherwise it is a volume's name.
bool is_address(std::string_view text);

// EINVAL with a sentence that names what is wrong and what would be right.
Result<Address> parse_address(std::string_view text);

// Blocks on the disk: for the start of a program. EINVAL as above, or why it cannot be opened.
Result<std::unique_ptr<Store>> open_store(Loop& loop, const Address& address);
Result<std::unique_ptr<Store>> open_store(Loop& loop, std::string_view address);

}  // namespace flexfs::object
