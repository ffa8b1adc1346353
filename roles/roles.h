// The roles of the one binary. A new role is a folder, a declaration and a row.
#pragma once

#include <string_view>

#include "lib/cli/program.h"

namespace flexfs {

struct Role {
    std::string_view name;
    std::string_view summary;
    int (*run)(const cli::Call& call);  // returns the exit code
};

namespace role {
int bench(const cli::Call& call);
int install(const cli::Call& call);
int mount(const cli::Call& call);
int scrub(const cli::Call& call);
}  // namespace role

inline constexpr Role roles[] = {
    {"bench", "measure how fast a mount point or folder is", role::bench},
    {"install", "install this program, for the command line and for mount(8)", role::install},
    {"mount", "mount a volume as a folder", role::mount},
    {"scrub", "find files whose stored data is damaged or missing", role::scrub},
};

}  // namespace flexfs
