// The files by which a running process is found: its lock, the socket that controls it, its log.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace flexfs::process {

struct Presence {
    std::string lock;
    std::string socket;
    std::string log;
};
// The files of the process of `role` that serves `place`, an absolute path, in flexfs's home. Makes
// the folder of the first two; that of the log is made by whoever writes one. EACCES, ENOSPC, …
Result<Presence> presence_of(const std::string& role, const std::string& place);

// The folder that presence_of() makes, with the lock of each process of the role.
std::string run_folder(const std::string& role);
std::string log_folder(const std::string& role);

// The absolute path without links, "." and "..", also where the last part does not exist or is a
// mount that does not answer.
std::string absolute_path(const std::string& path);

}  // namespace flexfs::process
