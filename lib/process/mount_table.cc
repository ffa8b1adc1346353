#include "lib/process/mount_table.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "lib/base/format.h"
#include "lib/base/text.h"

namespace flexfs::process {
namespace {

std::string read_all(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return std::move(text).str();
}

std::string namespace_of(const std::string& process) {
    char name[64];
    const ssize_t size = ::readlink(("/proc/" + process + "/ns/mnt").c_str(), name, sizeof name);
    return size > 0 ? std::string(name, std::size_t(size)) : std::string();
}

// Parses "36 35 98:0 /root /mount/point rw,noatime shared:1 - type source options", see proc(5).
std::optional<MountEntry> parse_line(const std::string& line) {
    std::istringstream fields(line);
    std::string skipped, separator;
    MountEntry entry;
    fields >> skipped >> skipped >> entry.device >> skipped >> entry.path >> entry.options;
    while (fields >> separator && separator != "-") {}
    if (!(fields >> entry.type >> entry.source)) return std::nullopt;
    entry.path = unescape_octal(entry.path);
    entry.source = unescape_octal(entry.source);
    return entry;
}

}  // namespace

std::vector<MountEntry> parse_mount_table(std::string_view text) {
    std::vector<MountEntry> table;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);)
        if (auto entry = parse_line(line)) table.push_back(std::move(*entry));
    return table;
}

std::vector<MountEntry> mount_table() {
    return parse_mount_table(read_all("/proc/self/mountinfo"));
}

std::optional<MountEntry> mounted_on(const std::string& folder) {
    std::optional<MountEntry> found;
    for (MountEntry& entry : mount_table())
        if (entry.path == folder) found = std::move(entry);
    return found;
}

std::vector<MountEntry> mounts_below(std::span<const MountEntry> table, const std::string& folder) {
    const std::string start = folder.ends_with('/') ? folder : folder + "/";
    std::vector<MountEntry> found;
    for (const MountEntry& entry : table)
        if (entry.path.starts_with(start)) found.push_back(entry);
    return found;
}

std::vector<ElsewhereMounted> mounted_elsewhere(
    const std::function<bool(const MountEntry&)>& matches) {
    std::vector<ElsewhereMounted> found;
    std::set<std::string> seen{namespace_of("self")};
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", none)) {
        const std::string process = entry.path().filename();
        pid_t pid = 0;
        const char* end = process.data() + process.size();
        if (std::from_chars(process.data(), end, pid).ptr != end) continue;
        const std::string space = namespace_of(process);
        if (space.empty() || !seen.insert(space).second) continue;
        const auto table = parse_mount_table(read_all("/proc/" + process + "/mountinfo"));
        const auto mount = std::ranges::find_if(table, matches);
        if (mount == table.end()) continue;
        std::string command = read_all("/proc/" + process + "/comm");
        while (command.ends_with('\n')) command.pop_back();
        found.push_back({pid, std::move(command), mount->path});
    }
    return found;
}

}  // namespace flexfs::process
