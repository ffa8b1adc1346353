// The command line of the mount role.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "lib/base/format.h"
#include "lib/cli/program.h"
#include "lib/conf/file.h"
#include "roles/mount/fstab.h"
#include "roles/mount/option_list.h"
#include "roles/mount/options.h"
#include "roles/mount/remount.h"
#include "roles/mount/start.h"
#include "roles/roles.h"

namespace flexfs {
namespace mount {
namespace {

struct FstabCommand {
    std::string file = "/etc/fstab";
    std::string options;
    bool now = false;
    bool force = false;
};

struct StopCommand {
    std::string dir;
    bool force = false;
};

struct StatusCommand {
    std::string dir;
    bool json = false;
};

// mount(8) runs `mount.flexfs SPEC DIR [-sfnv] -o OPTIONS`, always with -o; a user who calls it by
// that name without means a flag of ours by -f.
Dialect dialect_of(const cli::Call& call) {
    const auto has = [&call](std::string_view start) {
        return std::ranges::any_of(
            call.args, [start](const std::string& word) { return word.starts_with(start); });
    };
    const bool named = call.program == "mount.flexfs" || call.program == "mount.fuse.flexfs";
    const bool helper = named && has("-o");
    return {helper, helper && std::ranges::find(call.args, "-s") != call.args.end()};
}

// What mount(8) says that an exit code means.
int as_mount8_has_it(int code) {
    constexpr int bad_usage = 1, mount_failed = 32;
    return code == cli::exit_usage ? bad_usage : code == cli::exit_failure ? mount_failed : code;
}

int start(MountOptions& options, const std::string& program) {
    // What cannot change while the mount runs is left alone, not refused: mount(8) adds all that
    // fstab has.
    if (!options.remount.empty())
        return cli::report(options.fake ? Result<void>() : remount(options.dir, options.remount));
    if (auto complete = finish(options); !complete) {
        fmt::print(stderr, "{}: {}\n", program, complete.error().context);
        return cli::exit_usage;
    }
    return options.fake ? cli::exit_success : run_mount(options);
}

Result<std::string> read_fstab(const std::string& path) {
    auto text = conf::read_file(path);
    if (!text && text.error().code == ENOENT) return std::string();
    return text;
}

// What mount(8) runs for a line of fstab with the type flexfs.
constexpr const char* mount_helper = "/sbin/mount.flexfs";

// A sentence that needs no errno behind it.
std::unexpected<Error> about(const std::string& file, const Error& error) {
    return fail(EINVAL, file + ": " + error.context);
}

Result<void> add_line(const FstabCommand& command, const MountOptions& options) {
    TRY(check_mount(options));
    const FstabLine line{options.volume, options.dir,
                         "_netdev,nofail" + (command.options.empty() ? "" : "," + command.options)};
    TRY(auto before, read_fstab(command.file));
    auto after = with_line(before, line, command.force);
    if (!after) return about(command.file, after.error());
    std::error_code problem;
    std::filesystem::create_directories(options.dir, problem);
    if (problem) return fail(problem.value(), options.dir);
    return conf::replace_file(command.file, *after, conf::Access::everyone);
}

int init_fstab(const FstabCommand& command, MountOptions& options, const std::string& program) {
    auto applied = apply_option_list(options, command.options, false);
    if (applied) applied = finish(options);
    if (!applied) {
        fmt::print(stderr, "{}: --mountOptions: {}\n", program, applied.error().context);
        return cli::exit_usage;
    }
    const int code = cli::report(add_line(command, options));
    if (code != cli::exit_success) return code;
    // The line has nofail: the system would start without a word, and without the volume.
    if (::access(mount_helper, X_OK) != 0)
        fmt::print(stderr,
                   "{}: the line is written, but mount(8) needs {}, which is not there; "
                   "`flexfs install` makes it\n",
                   program, mount_helper);
    return command.now ? run_mount(options) : code;
}

Result<void> remove_line(const FstabCommand& command, const MountOptions& options) {
    TRY(auto before, conf::read_file(command.file));
    auto after = without_line(before, options.volume, options.dir);
    if (!after) return about(command.file, after.error());
    return conf::replace_file(command.file, *after, conf::Access::everyone);
}

int deinit_fstab(const FstabCommand& command, const MountOptions& options) {
    const int code = cli::report(remove_line(command, options));
    return code == cli::exit_success && command.now ? stop_mount(options.dir, command.force) : code;
}

std::vector<cli::Verb> fstab_verbs(FstabCommand& command, MountOptions& options,
                                   const std::string& program) {
    const cli::Flag file{"--fstab", cli::text(command.file, "FILE"),
                         "another file than /etc/fstab"};
    return {{.name = "init fstab",
             .summary = "add a line to /etc/fstab, so that the system mounts the volume when it "
                        "starts, and make the folder",
             .arguments = arguments(options),
             .flags = {{"--mountOptions", cli::text(command.options, "OPTIONS"),
                        "more than _netdev,nofail, such as ro,noATime"},
                       {"--now", cli::sets(command.now), "mount it now, too"},
                       {"--force", cli::sets(command.force), "replace what fstab has for DIR"},
                       file},
             .run = [&] { return init_fstab(command, options, program); }},
            {.name = "deinit fstab",
             .summary = "remove that line from /etc/fstab",
             .arguments = arguments(options),
             .flags = {{"--now", cli::sets(command.now), "unmount it now, too"},
                       {"--force", cli::sets(command.force), "with --now: even if it is in use"},
                       file},
             .run = [&] { return deinit_fstab(command, options); }}};
}

}  // namespace
}  // namespace mount

int role::mount(const cli::Call& call) {
    using namespace flexfs::mount;
    MountOptions options;
    FstabCommand fstab;
    StopCommand stop;
    StatusCommand status;
    std::string restarted;
    const Dialect dialect = dialect_of(call);
    cli::Program program{
        .name = call.program,
        .summary = "mount a volume as a folder",
        .verbs = {{.name = "start",
                   .summary = "mount a volume; returns when the mount answers",
                   .arguments = arguments(options),
                   .flags = flags(options, dialect),
                   .run = [&] { return start(options, call.program); },
                   .details =
                       "mount -o remount DIR changes a mount that runs: ro and rw, access times, "
                       "noExec,\nnoSUID and noDev. All else takes an unmount and a new mount.\n"},
                  {.name = "status",
                   .summary = "tell how a mount is doing, or all of them",
                   .arguments = {{"DIR", cli::text(status.dir, "DIR"), "its folder", false}},
                   .flags = {{"--json", cli::sets(status.json), "print JSON"}},
                   .run = [&] { return show_status(status.dir, status.json); },
                   .details = "The keys of --json that stay:\n"
                              "  pid, mount_point, version, open_handles\n"
                              "  store.requests.get, .put, .delete, .list; store.bytes.get, .put\n"
                              "  dirty.bytes, .files, .oldest_s; memory.budget, .used\n"
                              "A mount whose process is gone has only mount_point, volume, and "
                              "dead: true.\n"},
                  {.name = "restart",
                   .summary = "replace the mount's process by the program that is now where it was "
                              "started from; files stay open",
                   .arguments = {{"DIR", cli::text(restarted, "DIR"), "its folder"}},
                   .run = [&] { return restart_mount(restarted); }},
                  {.name = "stop",
                   .summary = "unmount; returns when everything is stored",
                   .arguments = {{"DIR", cli::text(stop.dir, "DIR"), "its folder"}},
                   .flags = {{"--force", cli::sets(stop.force),
                              "cut off whoever has files open; what they wrote is stored"}},
                   .run = [&] { return stop_mount(stop.dir, stop.force); }}},
        .default_verb = "start"};
    for (cli::Verb& verb : fstab_verbs(fstab, options, call.program))
        program.verbs.push_back(std::move(verb));
    const int code = cli::run(program, call.args);
    return dialect.helper ? as_mount8_has_it(code) : code;
}

}  // namespace flexfs
