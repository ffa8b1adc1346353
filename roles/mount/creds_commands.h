// `flexfs mount init creds` and `deinit creds`: the creds file of a bucket.
#pragma once

#include <string>
#include <vector>

#include "lib/cli/program.h"
#include "lib/conf/store_settings.h"

namespace flexfs::mount {

struct CredsCommand {
    std::string address;
    conf::StoreSettings settings;
    std::string creds_file;
    bool force = false;
    bool unchecked = false;
};

// The argument must outlive the verbs.
std::vector<cli::Verb> creds_verbs(CredsCommand& command);

}  // namespace flexfs::mount
