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
                   placed.error().message() + "; the steps above are done, and can be repeated");
}

}  // namespace

int role::install(const cli::Call& call) {
    std::string prefix = "/usr/local/bin", sbin = "/sbin";
    bool want_sbin = true;
    const cli::Program program{
        .name = call.program,
        .verbs = {{
            .summary =
                "install flexfs: a copy of the program, a link ROLE.flexfs for each role, and the "
                "links mount.flexfs and mount.fuse.flexfs that mount(8) needs",
            .flags =
                {{"--prefix", cli::text(prefix, "DIR"), "folder for the program (/usr/local/bin)"},
                 {"--sbin", cli::text(sbin, "DIR"), "folder for the links of mount(8) (/sbin)"},
                 {"--noSbin", cli::sets(want_sbin, false),
                  "do not make those links, which need root; mount -t flexfs will not work"}},
            .run = [&] { return cli::report(install_all(prefix, want_sbin ? sbin : "")); },
            .details =
                "Running it again is harmless. Run it after an upgrade to replace the copy.\n",
        }}};
    return cli::run(program, call.args);
}

}  // namespace flexfs
