// The options of a mount, one row each. Read off a row: the flag of `start` and its help, the names
// in fstab and in -o, what a remount can change, and the words by which the next process image gets
// the same value. An option is added by a field of MountOptions and one row.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/cli/flag.h"
#include "lib/options/options.h"

namespace flexfs::options {

// The MS_* flags of mount(2) that an option sets and clears. Without any, the kernel does not know
// the option, so that a remount cannot change it.
struct KernelFlags {
    unsigned long set = 0, clear = 0;
    bool any() const { return (set | clear) != 0; }
};

// Another name of an option in fstab and -o, or of its opposite.
struct OptionName {
    std::string_view name;  // "noatime"
    std::function<void()> apply;
    KernelFlags kernel = {};
};

struct Option {
    cli::Flag flag;  // in fstab and -o it has the same name without dashes
    // The value that the flag is given to repeat the present one, "true" for a switch; empty: none,
    // because that is the default, or because it only matters when a volume is made.
    std::function<std::string()> value = [] { return std::string(); };
    KernelFlags kernel = {};
    std::vector<OptionName> names = {};
};

// The rows read and write `options`, which must outlive them.
std::vector<Option> option_table(MountOptions& options);

// Names in fstab and -o that belong to no option of ours.
struct ForeignOption {
    std::string_view name;
    bool only_remount = false;  // what the kernel shows of a mount, which mount(8) repeats
    KernelFlags kernel = {};
};
// Null: unknown.
const ForeignOption* find_foreign(std::string_view name);

// The kernel flags of an option of a list, by any of its names.
KernelFlags kernel_flags(std::string_view name);

}  // namespace flexfs::options
