#include "roles/mount/fstab_commands.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "lib/base/format.h"
#include "lib/conf/file.h"
#include "lib/conf/fstab.h"
#include "lib/options/option_list.h"
#include "roles/mount/running.h"
#include "roles/mount/start.h"

namespace flexfs::mount {
namespace {

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

Result<void> add_line(const FstabCommand& command, const MountOptions& options) {
    TRY(check_mount(options));
    const conf::FstabLine line{
        options.volume, options.dir,
        "_netdev,nofail" + (command.options.empty() ? "" : "," + command.options)};
    TRY(auto before, read_fstab(command.file));
    auto after = conf::with_line(before, line, command.force);
    if (!after) return about(command.file, after.error());
    std::error_code problem;
    std::filesystem::create_directories(options.dir, problem);
    if (problem) return fail(problem.value(), options.dir);
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

int deinit_fstab(const FstabCommand& command, const MountOptions& options) {
    auto done = remove_line(command, options);
    if (done && command.now) done = stop_mount(options.dir, command.force);
    return cli::report(done);
}

}  // namespace

std::vector<cli::Verb> fstab_verbs(FstabCommand& command, MountOptions& options,
                                   const std::string& program) {
    const cli::Flag file{"--fstab", cli::text(command.file, "FILE"),
                         "the file to change (/etc/fstab)"};
    return {{.name = "init fstab",
             .summary = "add a line to /etc/fstab, so that the volume is mounted when the system "
                        "starts, and create the mount point",
             .arguments = options::arguments(options),
             .flags = {{"--mountOptions", cli::text(command.options, "OPTIONS"),
                        "options in addition to _netdev,nofail, such as ro,noATime"},
                       {"--now", cli::sets(command.now), "also mount it now"},
                       {"--force", cli::sets(command.force), "replace an existing line for DIR"},
                       file},
             .run = [&] { return init_fstab(command, options, program); }},
            {.name = "deinit fstab",
             .summary = "remove the volume's line from /etc/fstab",
             .arguments = options::arguments(options),
             .flags = {{"--now", cli::sets(command.now), "also unmount it now"},
                       {"--force", cli::sets(command.force),
                        "with --now: cut off programs that use the mount"},
                       file},
             .run = [&] { return deinit_fstab(command, options); }}};
}

}  // namespace flexfs::mount
