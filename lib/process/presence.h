// The files by which a running process is found: its lock, its control socket and its log.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace flexfs::process {

struct Presence {
    std::string lock;
    std::string socket;
    std::string log;
};
// Returns the paths in flexfs's home for the process of `role` that serves `place`, an absolute
// path. Creates the folder of lock and socket; the writer of the log creates its folder. EACCES,
// ENOSPC, …
Result<Presence> presence_of(const std::string& role, const std::string& place);

// The folder that presence_of() creates, with the lock of each process of the role.
std::string run_folder(const std::string& role);
std::string log_folder(const std::string& role);

// Returns the absolute path without links, "." and "..", even if the last part does not exist or is
// a mount that does not answer.
std::string absolute_path(const std::string& path);

}  // namespace flexfs::process
