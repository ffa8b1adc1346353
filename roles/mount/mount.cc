// The command line of the mount role.
#include <algorithm>

#include "lib/base/format.h"
#include "lib/cli/program.h"
#include "lib/options/option_list.h"
#include "lib/options/options.h"
#include "roles/mount/creds_commands.h"
#include "roles/mount/exit_codes.h"
#include "roles/mount/fstab_commands.h"
#include "roles/mount/remount.h"
#include "roles/mount/running.h"
#include "roles/mount/start.h"
#include "roles/roles.h"

namespace flexfs {
namespace mount {
namespace {

struct StopCommand {
    std::string dir;
    bool force = false;
};

struct SyncCommand {
    std::string dir;
    Duration timeout = Duration::max();
    bool json = false;
};

struct StatusCommand {
    std::string dir;
    bool json = false;
};

// mount(8) runs `mount.flexfs SPEC DIR [-sfnv] -o OPTIONS`, always with -o. Without -o a user
// called that name, and flags have the meaning of flexfs: -f is --foreground.
options::Dialect dialect_of(const cli::Call& call) {
    const auto has = [&call](std::string_view start) {
        return std::ranges::any_of(
            call.args, [start](const std::string& word) { return word.starts_with(start); });
    };
    const bool named = call.program == "mount.flexfs" || call.program == "mount.fuse.flexfs";
    const bool helper = named && has("-o");
    return {helper, helper && std::ranges::find(call.args, "-s") != call.args.end()};
}

int bad_usage(const std::string& program, const std::string& sentence, options::Dialect dialect) {
    fmt::print(stderr, "{}: {}\n", program, sentence);
    return dialect.helper ? int(mount8_usage) : cli::exit_usage;
}

int report(const Result<void>& outcome, options::Dialect dialect) {
    const int code = cli::report(outcome);
    return dialect.helper ? int(mount8_code(outcome)) : code;
}

int start(MountOptions& options, const std::string& program, options::Dialect dialect) {
    if (options::is_remount(options.listed)) {
        std::erase(options.flags_given, "verbose");
        if (!options.flags_given.empty())
            return bad_usage(program,
                             fmt::format("--{}: a remount takes its options from -o only",
                                         options.flags_given.front()),
                             dialect);
        const Given given = dialect.helper ? Given::by_mount8 : Given::by_user;
        return report(options.fake ? Result<void>() : remount(options.dir, options.listed, given),
                      dialect);
    }
    auto complete = options::merge_option_list(options);
    if (complete) complete = options::finish(options);
    if (!complete) return bad_usage(program, complete.error().context, dialect);
    return report(options.fake ? Result<void>() : run_mount(options), dialect);
}

constexpr const char* start_details =
    "When the mount is unmounted, the daemon writes back all dirty data and ends.\n"
    "SIGTERM unmounts it first: programs that use the mount have ten seconds to\n"
    "leave, and are then cut off.\n"
    "\n"
    "mount -o remount DIR changes a running mount: ro and rw, access times, noExec,\n"
    "noSUID and noDev. It refuses other options that differ from those of the mount;\n"
    "to change them, unmount the volume and mount it again.\n"
    "\n"
    "As mount.flexfs, run by mount(8), it exits with mount(8)'s codes: 1 wrong usage\n"
    "or permission denied, 2 system error, 4 internal bug, 8 interrupted, 32 the\n"
    "mount failed.\n";

constexpr const char* status_details =
    "Stable keys of --json:\n"
    "  pid, mount_point, version, open_handles\n"
    "  state: serving, stopping (it waits for programs to leave, or writes back dirty\n"
    "    data), or dead (the process is gone; the only other keys are mount_point,\n"
    "    volume and dead)\n"
    "  store.requests.get, .put, .delete, .list; store.bytes.get, .put\n"
    "  dirty.bytes, .files, .oldest_s: what is not in the store yet, and the age of\n"
    "    the oldest of it; dirty.bound_s, .late: how soon data is to be stored, and\n"
    "    how often it was not\n"
    "  memory.budget, .used; read_only; limits.bytes, .inodes (null: unlimited)\n"
    "  reads.failed: reads of data that is missing, damaged or not reachable\n"
    "  dirty.trouble.errno, .message, .for_s: why data cannot be written back, and\n"
    "    for how long; only present at such a time\n"
    "The exit code is 1 if DIR is not a mount, or is a dead one.\n";

constexpr const char* sync_details =
    "As fsync of every file and folder: when it succeeds, the data is in the store and\n"
    "the metadata is synced. What is written meanwhile is not waited for. Data that\n"
    "cannot be written back is retried. Changes in shared mappings need msync first.\n"
    "\n"
    "The exit code is 1 if not everything is stored, and the message names files that\n"
    "are not.\n"
    "\n"
    "Keys of --json: mount_point, stored (true or false), seconds; if not everything\n"
    "is stored also lost and unstored (lists of files) and message.\n";

constexpr const char* stop_details =
    "Without --force, a mount that programs use is not stopped, and the command names\n"
    "them. Even with --force, it is not stopped while something is mounted inside it,\n"
    "while it has a bind mount elsewhere, or while it holds the folder of another\n"
    "mounted volume. If another mount namespace (a container) has it mounted too, the\n"
    "command names a process there and exits with 1.\n";

}  // namespace
}  // namespace mount

int role::mount(const cli::Call& call) {
    using namespace flexfs::mount;
    MountOptions options;
    FstabCommand fstab;
    CredsCommand creds;
    StopCommand stop;
    StatusCommand status;
    SyncCommand sync;
    std::string restarted;
    bool started = false;
    const options::Dialect dialect = dialect_of(call);
    cli::Program program{
        .name = call.program,
        .summary = "mount a volume as a folder",
        .verbs = {{.name = "start",
                   .summary = "mount a volume; returns when the mount is ready",
                   .arguments = options::arguments(options),
                   .flags = options::flags(options, dialect),
                   .run =
                       [&] {
                           started = true;
                           return start(options, call.program, dialect);
                       },
                   .details = start_details},
                  {.name = "status",
                   .summary = "show the status of one mount, or of all",
                   .arguments = {{"DIR", cli::text(status.dir, "DIR"), "the mount point", false}},
                   .flags = {{"--json", cli::sets(status.json), "print JSON"}},
                   .run = [&] { return show_status(status.dir, status.json); },
                   .details = status_details,
                   .synonyms = {"list", "ls", "show"}},
                  {.name = "sync",
                   .summary = "wait until everything that was written before is stored",
                   .arguments = {{"DIR", cli::text(sync.dir, "DIR"), "the mount point"}},
                   .flags = {{"--timeout", cli::duration(sync.timeout),
                              "fail if it takes longer (-1: wait for ever)"},
                             {"--json", cli::sets(sync.json), "print the result as JSON"}},
                   .run = [&] { return sync_mount(sync.dir, sync.timeout, sync.json); },
                   .details = sync_details},
                  {.name = "restart",
                   .summary = "replace the running process with the program now installed at the "
                              "same path; files stay open",
                   .arguments = {{"DIR", cli::text(restarted, "DIR"), "the mount point"}},
                   .run = [&] { return cli::report(restart_mount(restarted)); }},
                  {.name = "stop",
                   .summary = "unmount; returns when everything is stored",
                   .arguments = {{"DIR", cli::text(stop.dir, "DIR"), "the mount point"}},
                   .flags = {{"--force", cli::sets(stop.force),
                              "cut off programs that use the mount; what they wrote is stored, "
                              "except changes in shared mappings since the last msync"}},
                   .run = [&] { return cli::report(stop_mount(stop.dir, stop.force)); },
                   .details = stop_details,
                   .synonyms = {"umount", "unmount"}}},
        .default_verb = "start"};
    for (cli::Verb& verb : fstab_verbs(fstab, options, call.program))
        program.verbs.push_back(std::move(verb));
    for (cli::Verb& verb : creds_verbs(creds)) program.verbs.push_back(std::move(verb));
    const int code = cli::run(program, call.args);
    if (started || !dialect.helper) return code;
    return code == cli::exit_usage ? int(mount8_usage) : code;
}

}  // namespace flexfs
