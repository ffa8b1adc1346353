#include <cerrno>

#include "lib/base/format.h"
#include "lib/cli/program.h"
#include "lib/cli/progress.h"
#include "lib/fuse/mountpoint.h"
#include "lib/options/option_table.h"
#include "lib/process/ask.h"
#include "lib/process/mount_table.h"
#include "lib/volume/volume.h"
#include "roles/roles.h"
#include "roles/scrub/report.h"

namespace flexfs {
namespace scrub {
namespace {

constexpr Duration progress_pause = std::chrono::milliseconds(200);
// A scrub of a mount takes as long as it takes.
constexpr Duration patience = std::chrono::years(1);

struct Command {
    std::string place;
    std::string db_folder;
    conf::StoreSettings settings;
    std::string creds_file;
    std::uint64_t bytes_per_second = 0;
    bool json = false;
};

// Shows how far a scrub is.
class Display {
public:
    Display() : screen_(cli::Screen::standard_error()) {}
    void show(const wire::ScrubState& state) {
        const Duration now = monotonic_now();
        if (!progress_ && state.bytes_total > 0)
            progress_.emplace(screen_, "reading", state.bytes_total, cli::Unit::bytes, now);
        if (progress_) progress_->update(state.bytes, now);
    }

private:
    cli::Screen screen_;
    std::optional<cli::Progress> progress_;
};

Task<void> follow(Loop& loop, rpc::Caller<wire::Control>& caller, Display& display) {
    for (;;) {
        co_await loop.sleep(progress_pause);
        const auto state = co_await result(caller.call(wire::ScrubProgress{}));
        if (state) display.show(*state);
        if (code_of(state) == ECANCELED) co_return;
    }
}

// The process of the mount does the work.
Result<wire::ScrubState> scrub_mount(const std::string& folder, const Command& command) {
    TRY(const process::Presence presence, process::presence_of("mount", folder));
    if (!process::ServiceLock::holder(presence.lock))
        return explain(ENOENT, fmt::format("the process of the mount on {} is gone, or is that of "
                                           "another user",
                                           folder));
    Display display;
    return process::ask(presence, wire::Scrub{command.bytes_per_second}, patience,
                        [&](Loop& loop, rpc::Caller<wire::Control>& caller) {
                            return follow(loop, caller, display);
                        });
}

Task<void> follow(Loop& loop, const upkeep::Scrubber& scrubber, Display& display) {
    for (;;) {
        display.show(scrubber.state());
        co_await loop.sleep(progress_pause);
    }
}

Task<wire::ScrubState> scrub_opened(Loop& loop, volume::OpenVolume& opened,
                                    std::uint64_t bytes_per_second) {
    const auto scrubber = opened.scrubber({bytes_per_second});
    Display display;
    Scope following;
    following.start(follow(loop, *scrubber, display));
    auto outcome = co_await result(scrubber->run());
    co_await following.close();
    co_await std::move(outcome);
    co_return scrubber->state();
}

Task<wire::ScrubState> scrub_volume(Loop& loop, volume::OpenOptions options,
                                    std::uint64_t bytes_per_second) {
    const auto opened = co_await volume::open(loop, std::move(options));
    auto scrubbed = co_await result(scrub_opened(loop, *opened, bytes_per_second));
    co_await opened->close();
    co_return std::move(scrubbed);
}

Result<wire::ScrubState> scrub_place(const Command& command) {
    const std::string folder = process::absolute_path(command.place);
    const auto mounted = process::mounted_on(folder);
    if (mounted && mounted->type == fuse::filesystem_type) return scrub_mount(folder, command);
    TRY(const std::string address, options::absolute_address(command.place));
    volume::OpenOptions wanted{.address = address,
                               .db_folder = command.db_folder,
                               .settings = command.settings,
                               .creds_file = command.creds_file,
                               .read_only = true,
                               .repack_interval = Duration::zero()};
    TRY(volume::check(wanted));
    Loop loop;
    return loop.run(scrub_volume(loop, std::move(wanted), command.bytes_per_second));
}

int run(const Command& command) {
    const auto state = scrub_place(command);
    if (!state) return cli::report(fail(state.error()));
    fmt::print("{}", command.json ? to_text(to_json(*state)) : report(*state));
    return state->damaged == 0 ? cli::exit_success : cli::exit_failure;
}

constexpr const char* details =
    "A volume that is mounted stays in use meanwhile. Reading changes nothing: what is\n"
    "damaged stays so. The exit code is 1 if anything is damaged.\n"
    "\n"
    "Keys of --json: segments, bytes, frames (what was read); damaged (how many ranges\n"
    "of files cannot be read); found, a list of the first 1000 of them: path, inode,\n"
    "offset, bytes, why, object.\n";

}  // namespace
}  // namespace scrub

int role::scrub(const cli::Call& call) {
    flexfs::scrub::Command command;
    cli::Verb verb{.summary =
                       "read everything that a volume has stored, and name the files that "
                       "are damaged or missing",
                   .arguments = {{"DIR|ADDRESS", cli::text(command.place, "DIR|ADDRESS"),
                                  "a mount point, or the address of a volume that is not mounted"}},
                   .flags = {{"--maxRate", cli::size(command.bytes_per_second),
                              "read at most this much per second, such as 50MiB"},
                             {"--dbFolder", options::absolute_path_target(command.db_folder, "DIR"),
                              "the folder of the database, as given to mount"},
                             {"--json", cli::sets(command.json), "print JSON"}},
                   .run = [&] { return flexfs::scrub::run(command); },
                   .details = flexfs::scrub::details};
    const std::string group = "For a volume in a bucket that is not mounted";
    auto settings = options::store_flags(command.settings);
    settings.push_back({"--credsFile", options::absolute_path_target(command.creds_file, "FILE"),
                        "file with settings and secrets, as for mount"});
    for (cli::Flag& flag : settings) {
        flag.group = group;
        verb.flags.push_back(std::move(flag));
    }
    return cli::run({.name = call.program, .verbs = {std::move(verb)}}, call.args);
}

}  // namespace flexfs
