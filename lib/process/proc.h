// Facts about other processes, as proc(5) shows them. A process may end at any moment; then what is
// asked about it is empty.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace flexfs::process {

// A process and the name of its program.
struct ProcessName {
    pid_t pid = 0;
    std::string command;
};

// Returns the ids of all processes that this process can see, in order.
std::vector<pid_t> all_processes();

// Reads a file such as "mountinfo" of the process's folder in /proc, or of "self".
std::string read_proc(std::string_view process, std::string_view file);
std::string read_proc(pid_t pid, std::string_view file);
// Reads a link such as "cwd" there.
std::string proc_link(std::string_view process, std::string_view link);
std::string proc_link(pid_t pid, std::string_view link);

std::string command_of(pid_t pid);

// Returns the processes that keep the filesystem mounted on `folder` in use: with an open or mapped
// file in it, their program, or their working or root folder. Does not ask the filesystem. Only
// root sees the files of other users' processes.
std::vector<ProcessName> processes_using(const std::string& folder);

// Returns "process 12 (vim)", or "processes 12 (vim), 15 (bash), 17 (less) and 2 others", with at
// most three of them; empty if there are none.
std::string list_processes(const std::vector<ProcessName>& processes);

}  // namespace flexfs::process
