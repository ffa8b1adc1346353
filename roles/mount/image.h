// The program that this process runs: asking another one something, and becoming it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace flexfs::mount {

// Its path as it was called, absolute. By now another file may be there. To be asked before the
// process leaves the folder it was started in.
std::string program_path();
// A descriptor of the file itself, whatever its path leads to now; the caller's to close.
Result<int> open_own_program();
// The path to which execve(2) finds the program behind such a descriptor.
std::string path_of(int program);

// What the program at `path` prints; `inherited` is open in it. Waits, so not on a loop. ENOENT,
// EACCES, ENOEXEC, …; else a sentence: it failed (with its first line), or took too long.
Result<std::string> ask_program(const std::string& path, std::span<const std::string> arguments,
                                int inherited);

// Replaces this process by the program, with nothing open but 0, 1, 2 and `kept`, and the signals
// that end or reopen something held back until it calls hold_signals(false). Returns only when that
// failed, with everything as it was.
Error become(const std::string& path, std::span<const std::string> arguments,
             std::span<const int> kept);
void hold_signals(bool hold);

// Closes a descriptor when the process becomes another, or does not.
void keep_open(int descriptor, bool keep);

}  // namespace flexfs::mount
