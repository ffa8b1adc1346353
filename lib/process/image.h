// The program that this process runs: finds it, asks another program a question, and becomes
// another program.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lib/base/descriptor.h"
#include "lib/base/result.h"

namespace flexfs::process {

// Returns the absolute path by which this program was called. The path may lead to another file by
// now. Call it before the process changes its working folder.
std::string program_path();
// Opens the program's own file, whatever its path leads to now.
Result<Descriptor> open_own_program();
// Returns the path by which execve(2) reaches the program behind such a descriptor.
std::string path_of(int program);

// Runs the program at `path` and returns what it prints; the descriptor `inherited` is open in it.
// Blocks, for 20 s at most, so do not call it on a loop. ENOENT, EACCES, ENOEXEC, …; EIO with a
// sentence if the program failed (its first line) or died; ETIMEDOUT if it took too long, and was
// killed.
Result<std::string> ask_program(const std::string& path, std::span<const std::string> arguments,
                                int inherited);

// Replaces this process by the program. Only 0, 1, 2 and `kept` stay open, and the signals that
// hold_signals() names are blocked until the program calls hold_signals(false). Returns only after
// a failure, with everything as it was.
Error become(const std::string& path, std::span<const std::string> arguments,
             std::span<const int> kept);
// Blocks SIGTERM, SIGINT, SIGQUIT and SIGHUP, or delivers them again.
void hold_signals(bool hold);

// Sets whether the descriptor stays open when the process becomes another program.
void keep_open(int descriptor, bool keep);

}  // namespace flexfs::process
