#include "lib/process/proc.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lib/base/format.h"

namespace flexfs::process {
namespace {

constexpr std::size_t listed_max = 3;

std::string path_in_proc(std::string_view process, std::string_view name) {
    return fmt::format("/proc/{}/{}", process, name);
}

// The kernel shows the path of what a link leads to, without a look at the filesystem there.
struct Inside {
    std::string folder;
    std::string below = folder + "/";

    bool holds(std::string_view path) const { return path == folder || path.starts_with(below); }
};

bool has_open(pid_t pid, const Inside& inside) {
    std::error_code none;
    const std::string descriptors = path_in_proc(std::to_string(pid), "fd");
    for (const auto& entry : std::filesystem::directory_iterator(descriptors, none))
        if (inside.holds(proc_link(pid, "fd/" + entry.path().filename().string()))) return true;
    return false;
}

// A line of maps is "7f00-7f01 r--p 00000000 00:2a 17    /path".
bool has_mapped(pid_t pid, const Inside& inside) {
    std::istringstream lines(read_proc(pid, "maps"));
    for (std::string line; std::getline(lines, line);)
        if (const auto path = line.find('/');
            path != std::string::npos && inside.holds(std::string_view(line).substr(path)))
            return true;
    return false;
}

bool uses(pid_t pid, const Inside& inside) {
    for (const std::string_view link : {"cwd", "root", "exe"})
        if (inside.holds(proc_link(pid, link))) return true;
    return has_open(pid, inside) || has_mapped(pid, inside);
}

}  // namespace

std::vector<pid_t> all_processes() {
    std::vector<pid_t> found;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", none)) {
        const std::string name = entry.path().filename();
        pid_t pid = 0;
        const char* end = name.data() + name.size();
        if (std::from_chars(name.data(), end, pid).ptr == end) found.push_back(pid);
    }
    std::ranges::sort(found);
    return found;
}

std::string read_proc(std::string_view process, std::string_view file) {
    std::ostringstream text;
    text << std::ifstream(path_in_proc(process, file)).rdbuf();
    return std::move(text).str();
}

std::string read_proc(pid_t pid, std::string_view file) {
    return read_proc(std::to_string(pid), file);
}

std::string proc_link(std::string_view process, std::string_view link) {
    char target[PATH_MAX];
    const ssize_t size = ::readlink(path_in_proc(process, link).c_str(), target, sizeof target);
    return size > 0 ? std::string(target, std::size_t(size)) : std::string();
}

std::string proc_link(pid_t pid, std::string_view link) {
    return proc_link(std::to_string(pid), link);
}

std::string command_of(pid_t pid) {
    std::string command = read_proc(pid, "comm");
    while (command.ends_with('\n')) command.pop_back();
    return command;
}

std::vector<ProcessName> processes_using(const std::string& folder) {
    const Inside inside{folder};
    std::vector<ProcessName> found;
    for (const pid_t pid : all_processes())
        if (uses(pid, inside)) found.push_back({pid, command_of(pid)});
    return found;
}

std::string list_processes(const std::vector<ProcessName>& processes) {
    if (processes.empty()) return {};
    std::string list = processes.size() == 1 ? "process " : "processes ";
    const std::size_t listed = std::min(processes.size(), listed_max);
    for (std::size_t i = 0; i < listed; ++i)
        list += fmt::format("{}{} ({})", i > 0 ? ", " : "", processes[i].pid, processes[i].command);
    const std::size_t others = processes.size() - listed;
    if (others > 0) list += fmt::format(" and {} other{}", others, others > 1 ? "s" : "");
    return list;
}

}  // namespace flexfs::process
