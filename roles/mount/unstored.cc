#include "roles/mount/unstored.h"

#include <vector>

#include "lib/base/format.h"

namespace flexfs::mount {
namespace {

std::string whole_path(const std::string& folder, const std::string& name) {
    if (name.starts_with('/')) return (folder == "/" ? "" : folder) + name;
    return name.starts_with("…") ? fmt::format("{}/{}", folder, name) : name;
}

}  // namespace

std::string count_of_files(std::uint64_t files) {
    return fmt::format("{} {}", files, files == 1 ? "file" : "files");
}

std::string name_files(const std::string& folder, std::span<const std::string> names,
                       std::uint64_t total) {
    if (names.empty()) return count_of_files(total);
    std::vector<std::string> paths;
    for (const std::string& name : names) paths.push_back(whole_path(folder, name));
    std::string list = fmt::format("{}", fmt::join(paths, ", "));
    if (total > names.size()) list += fmt::format(" and {} more", total - names.size());
    return list;
}

}  // namespace flexfs::mount
