// The options of a mount, one row each. A row determines the flag of `start` and its help, the
// names in fstab and in -o, whether a remount can change the option, and the words that give the
// next process image the same value. To add an option, add a field to MountOptions and one row.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/cli/flag.h"
#include "lib/options/options.h"

namespace flexfs::options {

// The MS_* flags of mount(2) that an option sets and clears. If it has none, the kernel does not
// know the option, and a remount cannot change it.
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
    cli::Flag flag;  // its name in fstab and -o is the same without dashes
    // Returns the value with which the flag repeats the present setting, "true" for a switch;
    // empty: none is needed, because the setting is the default or matters only when a volume is
    // made.
    std::function<std::string()> value = [] { return std::string(); };
    KernelFlags kernel = {};
    std::vector<OptionName> names = {};
};

// The rows read and write `options`, which must outlive them.
std::vector<Option> option_table(MountOptions& options);

// Returns the flags of a bucket's settings, except the secrets. They write to `settings`, which
// must outlive them.
std::vector<cli::Flag> store_flags(conf::StoreSettings& settings);

// Names in fstab and -o that belong to no option of flexfs.
struct ForeignOption {
    std::string_view name;
    bool only_remount = false;  // the kernel shows it for a mount, and mount(8) repeats it
    KernelFlags kernel = {};
};
// Returns null for an unknown name.
const ForeignOption* find_foreign(std::string_view name);

// Returns the kernel flags of an option in a list, by any of its names.
KernelFlags kernel_flags(std::string_view name);

}  // namespace flexfs::options
