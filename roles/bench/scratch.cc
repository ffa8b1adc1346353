#include "roles/bench/scratch.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "lib/base/format.h"
#include "lib/base/text.h"

namespace flexfs::bench {

Result<void> check_room(const std::string& dir, std::uint64_t bytes, std::uint64_t files) {
    struct stat attr;
    if (stat(dir.c_str(), &attr) != 0) return fail_errno("cannot use the folder " + dir);
    if (!S_ISDIR(attr.st_mode)) return explain(ENOTDIR, dir + " is not a folder");
    struct statvfs space;
    if (statvfs(dir.c_str(), &space) != 0) return fail_errno("cannot use the folder " + dir);
    const std::uint64_t room = std::uint64_t(space.f_bavail) * space.f_frsize;
    if (space.f_blocks > 0 && room < bytes)
        return explain(ENOSPC,
                       fmt::format("{} has {} free, but {} are needed; choose a smaller --size or "
                                   "fewer --files",
                                   dir, format_size(room), format_size(bytes)));
    if (space.f_files > 0 && space.f_favail < files)
        return explain(ENOSPC, fmt::format("{} has {} free inodes, but {} are needed; choose "
                                           "fewer --files",
                                           dir, std::uint64_t(space.f_favail), files));
    return {};
}

Result<Scratch> Scratch::make(const std::string& dir, unsigned workers) {
    std::string path = fmt::format("{}/flexfs-bench-{}", dir, getpid());
    if (mkdir(path.c_str(), 0700) != 0) return fail_errno("cannot create the folder " + path);
    Scratch scratch(std::move(path));
    for (unsigned worker = 0; worker < workers; ++worker)
        if (mkdir(scratch.folder(worker).c_str(), 0700) != 0)
            return fail_errno("cannot create the folder " + scratch.folder(worker));
    return scratch;
}

Scratch::~Scratch() {
    (void)remove();
}

Result<void> Scratch::remove() {
    if (path_.empty()) return {};
    const std::string path = std::exchange(path_, {});
    std::error_code problem;
    std::filesystem::remove_all(path, problem);
    if (problem) return fail(problem.value(), fmt::format("cannot remove {}", path));
    return {};
}

}  // namespace flexfs::bench
