#include "lib/base/home.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace flexfs {

std::string home_folder() {
    if (const char* home = std::getenv("HOME"); home && *home) return home;
    const passwd* user = getpwuid(geteuid());
    return user ? user->pw_dir : "/";
}

std::string flexfs_home() {
    if (const char* chosen = std::getenv("FLEXFS_HOME"); chosen && *chosen) return chosen;
    return home_folder() + "/.flexfs";
}

void settle_flexfs_home() {
    std::error_code problem;
    const auto home = std::filesystem::absolute(flexfs_home(), problem);
    if (!problem) ::setenv("FLEXFS_HOME", home.lexically_normal().c_str(), 1);
}

Result<void> make_private_folder(const std::string& path) {
    for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        const std::string part = path.substr(0, slash);
        if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST)
            return fail_errno("cannot make the folder " + part);
        if (slash == std::string::npos) break;
    }
    struct stat made;
    if (stat(path.c_str(), &made) != 0) return fail_errno("cannot use the folder " + path);
    if (!S_ISDIR(made.st_mode)) return fail(ENOTDIR, "cannot use the folder " + path);
    return {};
}

}  // namespace flexfs
