// `flexfs mount sync` waits until everything that was written is stored.
#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/cli/program.h"
#include "lib/cli/progress.h"
#include "lib/process/ask.h"
#include "lib/wire/control.h"
#include "roles/mount/running.h"
#include "roles/mount/status_report.h"
#include "roles/mount/unstored.h"

namespace flexfs::mount {
namespace {

constexpr Duration look_pause = std::chrono::milliseconds(200);
// The time before trouble is printed, and between later lines.
constexpr Duration line_quiet = std::chrono::seconds(2);
constexpr Duration line_pause = std::chrono::seconds(10);
constexpr std::uint32_t named_files_max = 10;

std::uint64_t dirty_value(const Json& status, const char* what) {
    return status.value("dirty", Json::object()).value(what, std::uint64_t(0));
}

// Shows progress while the answer is awaited. `before` is the status when the sync began.
Task<void> show(Loop& loop, rpc::Caller<wire::Control>& caller, Json before) {
    cli::Progress progress(cli::Screen::standard_error(), "storing", dirty_value(before, "bytes"),
                           cli::Unit::bytes, loop.now());
    const std::uint64_t first = dirty_value(before, "written_back_bytes");
    Duration next_line = loop.now() + line_quiet;
    for (;;) {
        co_await loop.sleep(look_pause);
        const wire::StatusText answer = co_await caller.call(wire::Status{});
        const Json status = Json::parse(answer.json.text(), nullptr, false);
        if (!status.is_object()) continue;
        const std::uint64_t stored = dirty_value(status, "written_back_bytes");
        progress.update(stored - std::min(first, stored), loop.now());
        const std::string trouble = trouble_sentence(status);
        if (trouble.empty() || loop.now() < next_line) continue;
        progress.print("flexfs: " + trouble);
        next_line = loop.now() + line_pause;
    }
}

struct Outcome {
    std::vector<std::string> lost, unstored;  // names of files
    std::string message;                      // empty: everything is stored
};

std::string lost_sentence(const std::string& folder, const std::vector<std::string>& lost) {
    return fmt::format("written data is lost: {}; the log says why",
                       name_files(folder, lost, lost.size()));
}

// The outcome when the process of the mount has not answered in time.
Outcome too_late(const std::string& folder, const process::Presence& presence, Duration timeout) {
    Outcome outcome;
    if (!process::ServiceLock::holder(presence.lock)) {
        outcome.message = fmt::format(
            "the mount on {} ended before it reported that everything is stored", folder);
        return outcome;
    }
    auto names = process::ask(presence, wire::Unstored{named_files_max}, process::answer_patience);
    if (names) outcome.unstored = std::move(names->names);
    const auto status = status_of(folder);
    const auto files = std::max<std::uint64_t>(status ? dirty_value(*status, "files") : 0,
                                               outcome.unstored.size());
    const std::string trouble = status ? trouble_sentence(*status) : std::string();
    outcome.message = fmt::format(
        "after {}, not everything on {} is stored: {}{}{}", format_duration(timeout), folder,
        files > 0 ? name_files(folder, outcome.unstored, files) : "metadata is not synced yet",
        trouble.empty() ? "" : "; ", trouble);
    return outcome;
}

Result<Outcome> sync(const std::string& folder, Duration timeout) {
    TRY(const process::Presence presence, process::presence_of(role_name, folder));
    TRY(Json before, status_of(folder));
    const process::Meanwhile meanwhile = [&before](Loop& loop, rpc::Caller<wire::Control>& caller) {
        return show(loop, caller, before);
    };
    auto answer = process::ask(presence, wire::StoreWritten{}, timeout, meanwhile);
    if (!answer && answer.error().code == ETIMEDOUT) return too_late(folder, presence, timeout);
    if (!answer)
        return explain(answer.error().code, fmt::format("cannot sync the mount on {}: {}", folder,
                                                        answer.error().message()));
    Outcome outcome;
    outcome.lost = std::move(answer->lost);
    if (!outcome.lost.empty()) outcome.message = lost_sentence(folder, outcome.lost);
    return outcome;
}

}  // namespace

int sync_mount(const std::string& given, Duration timeout, bool json) {
    log::set_level(log::Level::warn);  // without notices about a lost connection
    const std::string folder = process::absolute_path(given);
    const Duration began = monotonic_now();
    auto outcome = sync(folder, timeout);
    if (!outcome) return cli::report(fail(std::move(outcome.error())));
    const bool stored = outcome->message.empty();
    if (json) {
        const double seconds = std::chrono::duration<double>(monotonic_now() - began).count();
        Json result{{"mount_point", folder}, {"stored", stored}, {"seconds", seconds}};
        if (!stored) {
            result["lost"] = outcome->lost;
            result["unstored"] = outcome->unstored;
            result["message"] = outcome->message;
        }
        fmt::print("{}", to_text(result));
    }
    if (stored) return cli::exit_success;
    return cli::report(explain(EIO, std::move(outcome->message)));
}

}  // namespace flexfs::mount
