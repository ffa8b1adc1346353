#include <filesystem>
#include <string>

#include "lib/base/format.h"
#include "lib/cli/program.h"
#include "roles/install/place.h"
#include "roles/roles.h"

namespace flexfs {
namespace {

Result<void> install_all(const std::string& prefix, const std::string& sbin) {
    std::error_code problem;
    install::Plan plan{
        std::filesystem::read_symlink("/proc/self/exe", problem).string(), prefix, sbin, {}};
    if (problem) return fail(problem.value(), "/proc/self/exe");
    for (const Role& role : roles) plan.roles.push_back(role.name);
    std::vector<std::string> done;
    auto placed = install::place(plan, done);
    for (const std::string& line : done) fmt::print("{}\n", line);
    std::fflush(stdout);
    if (placed || done.empty()) return placed;
    return explain(placed.error().code,
                   placed.error().message() + "; the above is done, and can be done again");
}

}  // namespace

int role::install(const cli::Call& call) {
    std::string prefix = "/usr/local/bin", sbin = "/sbin";
    bool want_sbin = true;
    const cli::Program program{
        .name = call.program,
        .verbs = {{
            .summary =
                "put flexfs where the system finds it: the program itself (a copy, unless it "
                "is there already), a name ROLE.flexfs for each role, and mount.flexfs and "
                "mount.fuse.flexfs for mount -t flexfs and mount -o remount",
            .flags = {{"--prefix", cli::text(prefix, "DIR"),
                       "the folder for programs (/usr/local/bin)"},
                      {"--sbin", cli::text(sbin, "DIR"),
                       "where mount(8) looks for mount.flexfs (/sbin)"},
                      {"--noSbin", cli::sets(want_sbin, false),
                       "leave that folder alone, for who is not root; mount -t flexfs will not "
                       "work then"}},
            .run = [&] { return cli::report(install_all(prefix, want_sbin ? sbin : "")); },
            .details = "Running it again is harmless; after an upgrade it renews the copy.\n",
        }}};
    return cli::run(program, call.args);
}

}  // namespace flexfs
