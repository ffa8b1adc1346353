// Measures an object store by itself, so that a user can see what a mount on it can reach.
#pragma once

#include <string>
#include <vector>

#include "lib/cli/table.h"
#include "lib/object/address.h"

namespace flexfs::bench {

struct StoreOptions {
    std::string address;
    conf::StoreSettings settings;
    std::string creds_file;
    std::vector<std::uint64_t> sizes;         // of objects; empty: a choice from 4 KiB to 16 MiB
    std::vector<std::uint64_t> parallels;     // requests at a time; empty: 1, 8, 32
    Duration time = std::chrono::seconds(2);  // of each measurement
    bool json = false;
};

// Measures and prints. Removes what it has put. Returns the exit code.
int measure_store(const StoreOptions& options);

}  // namespace flexfs::bench
