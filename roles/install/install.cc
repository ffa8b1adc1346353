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
    if (problem) return fail(problem.value(), "cannot find the program of this process");
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
                "install a copy of this program, a link ROLE.flexfs for each of its roles, and the "
                "links mount.flexfs and mount.fuse.flexfs, which mount(8) needs",
            .flags =
                {{"--prefix", cli::text(prefix, "DIR"),
                  "the folder for the program itself, which should be on the PATH "
                  "(/usr/local/bin)"},
                 {"--sbin", cli::text(sbin, "DIR"),
                  "the folder in which mount(8) looks for its helpers (/sbin)"},
                 {"--noSbin", cli::sets(want_sbin, false),
                  "do not make the links for mount(8), which only root can make; then mount -t "
                  "flexfs and /etc/fstab do not work"}},
            .run = [&] { return cli::report(install_all(prefix, want_sbin ? sbin : "")); },
            .details = "Run it again after an upgrade; if nothing has changed, it does nothing.\n",
        }}};
    return cli::run(program, call.args);
}

}  // namespace flexfs
