#include "roles/mount/fstab_commands.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "lib/base/format.h"
#include "lib/conf/file.h"
#include "lib/conf/fstab.h"
#include "lib/options/option_list.h"
#include "lib/process/mount_table.h"
#include "roles/mount/running.h"
#include "roles/mount/start.h"

namespace flexfs::mount {
namespace {

// The system starts even without the volume. With _netdev systemd would not mount the disk that
// holds the volume's folder before the volume.
constexpr const char* default_options = "nofail";

// The program that mount(8) runs for a line of fstab of type flexfs.
constexpr const char* mount_helper = "/sbin/mount.flexfs";

Result<std::string> read_fstab(const std::string& path) {
    auto text = conf::read_file(path);
    if (!text && text.error().code == ENOENT) return std::string();
    return text;
}

// Makes an error with a complete sentence.
std::unexpected<Error> about(const std::string& file, const Error& error) {
    return fail(EINVAL, file + ": " + error.context);
}

// Returns true if the mount point exists. Does not look into a mount on it, which may not answer.
Result<bool> check_folder(const std::string& dir, bool may_have_files) {
    struct stat found;
    if (process::is_mount_point(dir)) return true;
    if (::stat(dir.c_str(), &found) != 0) return false;
    if (!S_ISDIR(found.st_mode))
        return explain(ENOTDIR, fmt::format("the mount point {} is not a folder", dir));
    std::error_code problem;
    if (!may_have_files && !std::filesystem::is_empty(dir, problem) && !problem)
        return explain(ENOTEMPTY,
                       fmt::format("the mount point {} holds files, which the mount would hide; "
                                   "give an empty folder, or nonEmpty in --mountOptions",
                                   dir));
    return true;
}

Result<void> add_line(const FstabCommand& command, const MountOptions& options) {
    TRY(check_mount(options));
    TRY(const bool exists, check_folder(options.dir, options.non_empty));
    const conf::FstabLine line{options.volume, options.dir,
                               command.options.empty()
                                   ? default_options
                                   : fmt::format("{},{}", default_options, command.options)};
    TRY(auto before, read_fstab(command.file));
    const std::string flags =
        command.file == system_fstab ? std::string() : fmt::format(" --fstab {}", command.file);
    auto after = conf::with_line(before, line, command.force, flags);
    if (!after) return about(command.file, after.error());
    std::error_code problem;
    if (!exists) std::filesystem::create_directories(options.dir, problem);
    if (problem) return fail(problem.value(), "cannot create the mount point " + options.dir);
    return conf::replace_file(command.file, *after, conf::Access::everyone);
}

int init_fstab(const FstabCommand& command, MountOptions& options, const std::string& program) {
    auto applied = options::apply_option_list(options, command.options, false);
    if (applied) applied = options::finish(options);
    if (!applied) {
        fmt::print(stderr, "{}: --mountOptions: {}\n", program, applied.error().context);
        return cli::exit_usage;
    }
    const int code = cli::report(add_line(command, options));
    if (code != cli::exit_success) return code;
    // The line has nofail, so without the helper the system would start without the volume and
    // without a message.
    if (::access(mount_helper, X_OK) != 0)
        fmt::print(stderr,
                   "{}: the line is written, but mount(8) needs {}, which does not exist; "
                   "`flexfs install` puts it there\n",
                   program, mount_helper);
    return command.now ? cli::report(run_mount(options)) : code;
}

Result<void> remove_line(const FstabCommand& command, const MountOptions& options) {
    TRY(auto before, conf::read_file(command.file));
    auto after = conf::without_line(before, options.volume, options.dir);
    if (!after) return about(command.file, after.error());
    return conf::replace_file(command.file, *after, conf::Access::everyone);
}

int deinit_fstab(const FstabCommand& command, const MountOptions& options,
                 const std::string& program) {
    if (command.force && !command.now) {
        fmt::print(stderr,
                   "{}: --force cuts off programs that use the mount, which only --now unmounts; "
                   "add --now, or leave out --force\n",
                   program);
        return cli::exit_usage;
    }
    auto done = remove_line(command, options);
    if (done && command.now) done = stop_mount(options.dir, command.force);
    return cli::report(done);
}

}  // namespace

std::vector<cli::Verb> fstab_verbs(FstabCommand& command, MountOptions& options,
                                   const std::string& program) {
    const cli::Flag file{"--fstab", cli::text(command.file, "FILE"),
                         "the file to change (/etc/fstab)"};
    std::vector<cli::Argument> of_line = options::arguments(options);
    of_line[0].help = "the volume, as it was given to init fstab";
    of_line[1].help = "its mount point, which stays as a folder";
    return {{.name = "init fstab",
             .summary = "add a line to /etc/fstab, so that the volume is mounted when the system "
                        "starts, and create the mount point",
             .arguments = options::arguments(options),
             .flags = {{"--mountOptions", cli::text(command.options, "OPTIONS"),
                        "options in addition to nofail, such as ro,noATime, and _netdev for a "
                        "folder that needs the network"},
                       {"--now", cli::sets(command.now), "also mount it now"},
                       {"--force", cli::sets(command.force),
                        "replace the line that mounts another flexfs volume on DIR"},
                       file},
             .run = [&] { return init_fstab(command, options, program); }},
            {.name = "deinit fstab",
             .summary = "remove the volume's line from /etc/fstab",
             .arguments = of_line,
             .flags = {{"--now", cli::sets(command.now),
                        "also unmount it now, and return when everything is stored"},
                       {"--force", cli::sets(command.force),
                        "with --now: cut off programs that use the mount"},
                       file},
             .run = [&] { return deinit_fstab(command, options, program); }}};
}

}  // namespace flexfs::mount
