// The program that this process runs: asking another program a question, and becoming it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lib/base/descriptor.h"
#include "lib/base/result.h"

namespace flexfs::process {

// The absolute path by which this program was called. Another file may be there by now. Call it
// before the process leaves the folder that it was started in.
std::string program_path();
// The program's file itself, whatever its path leads to now.
Result<Descriptor> open_own_program();
// The path by which execve(2) reaches the program behind such a descriptor.
std::string path_of(int program);

// Runs the program at `path` and returns what it prints; the descriptor `inherited` is open in it.
// Blocks, for 20 s at most, so do not call it on a loop. ENOENT, EACCES, ENOEXEC, …; EIO with a
// sentence if the program failed (its first line) or died; ETIMEDOUT if it took too long, and was
// killed.
Result<std::string> ask_program(const std::string& path, std::span<const std::string> arguments,
                                int inherited);

// Replaces this process by the program. Only 0, 1, 2 and `kept` stay open, and the signals that
// hold_signals() names are held back until the program calls hold_signals(false). Returns only if
// that failed, with everything as it was.
Error become(const std::string& path, std::span<const std::string> arguments,
             std::span<const int> kept);
// Holds back SIGTERM, SIGINT, SIGQUIT and SIGHUP, or delivers them again.
void hold_signals(bool hold);

// Whether the descriptor stays open when the process becomes another program.
void keep_open(int descriptor, bool keep);

}  // namespace flexfs::process
