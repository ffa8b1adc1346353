// The one binary: the name by which it is called (`ROLE.flexfs`) or its first argument chooses the
// role.
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/descriptor.h"
#include "lib/base/format.h"
#include "lib/base/home.h"
#include "lib/cli/program.h"
#include "lib/cli/suggest.h"
#include "roles/roles.h"

namespace flexfs {
namespace {

const Role* find_role(std::string_view name) {
    for (const Role& role : roles)
        if (role.name == name) return &role;
    return nullptr;
}

std::string overview() {
    std::vector<cli::Item> items;
    for (const Role& role : roles)
        items.push_back({std::string(role.name), std::string(role.summary)});
    return "usage: flexfs ROLE ...\n       flexfs version\n\nRoles:\n" + cli::aligned(items) +
           "\nflexfs ROLE --help shows the commands and flags of a role.\n";
}

// Words that are no roles, but commands of one, or of other programs.
constexpr cli::Synonym commands[] = {{"umount", "mount stop"},    {"unmount", "mount stop"},
                                     {"stop", "mount stop"},      {"status", "mount status"},
                                     {"start", "mount start"},    {"sync", "mount sync"},
                                     {"restart", "mount restart"}};

int unknown_role(std::string_view name) {
    std::vector<std::string_view> names;
    std::vector<cli::Synonym> words(std::begin(commands), std::end(commands));
    for (const Role& role : roles) {
        names.push_back(role.name);
        words.push_back({role.name, role.name});
    }
    const auto meant = cli::nearest(name, words);
    fmt::print(stderr, "flexfs: unknown role '{}'{}\nSee flexfs --help\n", name,
               meant ? fmt::format("; did you mean '{}'?", *meant)
                     : fmt::format("; one of {}", fmt::join(names, ", ")));
    return cli::exit_usage;
}

int run(std::string_view called, std::vector<std::string> args) {
    called.remove_prefix(called.rfind('/') + 1);
    if (called.ends_with(".flexfs")) {
        // mount(8) calls mount.fuse.flexfs to change a running mount.
        const auto name = called.substr(0, called.find('.'));
        const Role* role = find_role(name);
        return role ? role->run({std::string(called), std::move(args)}) : unknown_role(name);
    }
    if (args.size() > 1 && args[0] == "help") {
        args.erase(args.begin());
        args.push_back("--help");
    }
    if (args.empty() || args[0] == "--help" || args[0] == "-h" || args[0] == "help") {
        fmt::print("{}", overview());
        return cli::exit_success;
    }
    if (args[0] == "--version" || args[0] == "version") {
        fmt::print("{}", cli::version_line());
        return cli::exit_success;
    }
    const std::string name = args[0];
    args.erase(args.begin());
    const Role* role = find_role(name);
    return role ? role->run({"flexfs " + name, std::move(args)}) : unknown_role(name);
}

}  // namespace
}  // namespace flexfs

int main(int argc, char** argv) {
    flexfs::open_standard_descriptors();
    flexfs::settle_flexfs_home();
    return flexfs::run(argc > 0 ? argv[0] : "flexfs", {argv + (argc > 0), argv + argc});
}
