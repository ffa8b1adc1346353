#include "lib/process/presence.h"

#include <unistd.h>

#include <filesystem>

#include "lib/base/format.h"
#include "lib/base/home.h"

namespace flexfs::process {
namespace {

// The path of a socket is limited to 107 bytes: these, and ".socket".
constexpr std::size_t path_bytes_max = 95;

// Converts a path to one file name: "/mnt/a-b" becomes "mnt-a%2Db".
std::string file_name(const std::string& path) {
    std::string name;
    for (const char c : path.substr(1)) {
        if (c == '/') name += '-';
        else if (c == '-' || c == '%')
            name += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        else name += c;
    }
    return name.empty() ? "%2F" : name;
}

}  // namespace

std::string run_folder(const std::string& role) {
    return flexfs_home() + "/" + role + "/run";
}

std::string log_folder(const std::string& role) {
    return flexfs_home() + "/" + role + "/log";
}

Result<Presence> presence_of(const std::string& role, const std::string& place) {
    const std::string folder = run_folder(role);
    TRY(make_private_folder(folder));
    std::string name = file_name(place);
    if (folder.size() + name.size() > path_bytes_max)
        name = fmt::format("{:016x}", std::hash<std::string>()(place));
    const std::string base = folder + "/" + name;
    return Presence{base + ".lock", base + ".socket", log_folder(role) + "/" + name + ".log"};
}

std::string absolute_path(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code problem;
    fs::path given = fs::absolute(path, problem).lexically_normal();
    if (!given.has_filename()) given = given.parent_path();
    // The last part may be a mount that does not answer. readlink(2) shows whether it is a link
    // without asking the mount, which lstat(2) would do.
    char target;
    if (::readlink(given.c_str(), &target, 1) >= 0) {
        const fs::path there = fs::canonical(given, problem);
        if (!problem) return there.string();
    }
    const fs::path above = fs::canonical(given.parent_path(), problem);
    return problem ? given.string() : (above / given.filename()).string();
}

}  // namespace flexfs::process
