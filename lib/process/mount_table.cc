#include "lib/process/mount_table.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "lib/base/text.h"

namespace flexfs::process {
namespace {

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
    return parse_mount_table(read_proc("self", "mountinfo"));
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
    std::set<std::string> seen{proc_link("self", "ns/mnt")};
    for (const pid_t pid : all_processes()) {
        const std::string space = proc_link(pid, "ns/mnt");
        if (space.empty() || !seen.insert(space).second) continue;
        const auto table = parse_mount_table(read_proc(pid, "mountinfo"));
        const auto mount = std::ranges::find_if(table, matches);
        if (mount == table.end()) continue;
        found.push_back({{pid, command_of(pid)}, mount->path});
    }
    return found;
}

}  // namespace flexfs::process
