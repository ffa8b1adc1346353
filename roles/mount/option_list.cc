#include "roles/mount/option_list.h"

#include <algorithm>
#include <cerrno>
#include <span>

#include "lib/cli/flag.h"

namespace flexfs::mount {
namespace {

// Options that mount(8), fstab and other filesystems have; a null function: nothing to do for us.
struct Foreign {
    std::string_view name;
    void (*apply)(MountOptions& options) = nullptr;
};
constexpr Foreign foreign_options[] = {
    {"rw", [](MountOptions& o) { o.read_only = false; }},
    {"noatime", [](MountOptions& o) { o.access_times = AccessTimes::never; }},
    {"atime", [](MountOptions& o) { o.access_times = AccessTimes::relative; }},
    {"relatime", [](MountOptions& o) { o.access_times = AccessTimes::relative; }},
    {"norelatime", [](MountOptions& o) { o.access_times = AccessTimes::always; }},
    {"strictatime", [](MountOptions& o) { o.access_times = AccessTimes::always; }},
    {"nostrictatime", [](MountOptions& o) { o.access_times = AccessTimes::relative; }},
    {"diratime", [](MountOptions& o) { o.folder_access_times = true; }},
    {"nodiratime", [](MountOptions& o) { o.folder_access_times = false; }},
    {"noexec", [](MountOptions& o) { o.no_exec = true; }},
    {"exec", [](MountOptions& o) { o.no_exec = false; }},
    {"nosuid", [](MountOptions& o) { o.no_suid = true; }},
    {"suid", [](MountOptions& o) { o.no_suid = false; }},
    {"nodev", [](MountOptions& o) { o.no_dev = true; }},
    {"dev", [](MountOptions& o) { o.no_dev = false; }},
    {"nonempty", [](MountOptions& o) { o.non_empty = true; }},
    {"dirsync", [](MountOptions& o) { o.sync = true; }},
    {"async", [](MountOptions& o) { o.sync = false; }},
    {"defaults"},
    {"auto"},
    {"noauto"},
    {"nofail"},
    {"_netdev"},
    {"user"},
    {"users"},
    {"nouser"},
    {"owner"},
    {"noowner"},
    {"group"},
    {"nogroup"},
    {"lazytime"},
    {"nolazytime"},
    {"silent"},
    {"loud"},
    {"mand"},
    {"nomand"},
    {"iversion"},
    {"noiversion"},
    {"allow_other"},
    {"default_permissions"}};

// Meant for others: x-systemd.automount, comment=…
bool is_comment(std::string_view name) {
    return name.starts_with("x-") || name.starts_with("X-") || name == "comment";
}

// True if it was one of these.
bool apply_foreign(MountOptions& options, std::string_view name) {
    const auto row = std::ranges::find(foreign_options, name, &Foreign::name);
    if (row == std::end(foreign_options)) return is_comment(name);
    if (row->apply) row->apply(options);
    return true;
}

// What the kernel shows of a mount, and mount(8) repeats when it is to change.
constexpr std::string_view remount_only[] = {"remount",  "bind",        "user_id",
                                             "group_id", "max_read",    "blksize",
                                             "seclabel", "nosymfollow", "symfollow"};

Result<void> apply(MountOptions& options, std::span<const ListedOption> list, bool sloppy) {
    auto rows = flags(options, {});
    std::erase_if(rows, [](const cli::Flag& row) { return row.help.empty(); });
    bool had_value = false;
    for (const auto& [text, name, value] : list) {
        if (apply_foreign(options, name)) continue;
        if (name == "remount")
            return fail(EINVAL, "remount is for a mount that runs: mount -o remount,ro DIR");
        const bool known = std::ranges::any_of(
            rows, [name](const cli::Flag& row) { return cli::long_name(row) == name; });
        if (!known && sloppy) continue;
        auto set = cli::set_option(rows, name, value);
        if (!set && !known && !value && had_value)
            return fail(EINVAL, set.error().context + " (a value in -o cannot have a comma)");
        TRY(std::move(set));
        had_value |= value.has_value();
    }
    return {};
}

}  // namespace

std::vector<ListedOption> split_options(std::string_view list) {
    std::vector<ListedOption> options;
    while (!list.empty()) {
        const auto text = list.substr(0, list.find(','));
        list.remove_prefix(std::min(text.size() + 1, list.size()));
        const auto name = text.substr(0, text.find('='));
        if (name.empty()) continue;
        ListedOption& option = options.emplace_back(text, name);
        if (name.size() < text.size()) option.value = text.substr(name.size() + 1);
    }
    return options;
}

bool is_remount(std::string_view list) {
    return std::ranges::any_of(split_options(list),
                               [](const ListedOption& option) { return option.text == "remount"; });
}

Result<void> apply_option_list(MountOptions& options, std::string_view list, bool sloppy) {
    return apply(options, split_options(list), sloppy);
}

Result<void> check_remount_list(std::string_view list, bool sloppy) {
    auto options = split_options(list);
    std::erase_if(options, [](const ListedOption& option) {
        return std::ranges::find(remount_only, option.name) != std::end(remount_only);
    });
    MountOptions wanted;
    return apply(wanted, options, sloppy);
}

std::vector<std::string> changes(const MountOptions& options, std::string_view list) {
    std::vector<std::string> names;
    for (const ListedOption& option : split_options(list)) {
        MountOptions wanted = options;
        if (!apply(wanted, {&option, 1}, true) || command_line(wanted) != command_line(options))
            names.emplace_back(option.name);
    }
    return names;
}

}  // namespace flexfs::mount
