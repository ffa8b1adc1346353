#include "roles/mount/remount.h"

#include <sys/mount.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <vector>

#include "lib/base/format.h"
#include "lib/fuse/mountpoint.h"
#include "roles/mount/ask.h"
#include "roles/mount/option_list.h"

namespace flexfs::mount {
namespace {

struct KernelOption {
    std::string_view name;  // in small letters: noATime is noatime
    unsigned long set = 0;
    unsigned long clear = 0;
};
constexpr unsigned long times = MS_NOATIME | MS_RELATIME | MS_STRICTATIME;
constexpr unsigned long about_times = times | MS_NODIRATIME;
constexpr KernelOption kernel_options[] = {
    {"ro", MS_RDONLY},
    {"rw", 0, MS_RDONLY},
    {"nosuid", MS_NOSUID},
    {"suid", 0, MS_NOSUID},
    {"nodev", MS_NODEV},
    {"dev", 0, MS_NODEV},
    {"noexec", MS_NOEXEC},
    {"exec", 0, MS_NOEXEC},
    {"noatime", MS_NOATIME, times},
    {"atime", MS_RELATIME, times},
    {"relatime", MS_RELATIME, times},
    {"strictatime", MS_STRICTATIME, times},
    {"nodiratime", MS_NODIRATIME},
    {"diratime", 0, MS_NODIRATIME},
    {"nosymfollow", MS_NOSYMFOLLOW},
    {"symfollow", 0, MS_NOSYMFOLLOW},
    {"bind", MS_BIND},  // only this mount point, not the filesystem
};

const KernelOption* find_option(std::string_view option) {
    std::string name(option);
    for (char& c : name) c = char(std::tolower(static_cast<unsigned char>(c)));
    const auto known = std::ranges::find(kernel_options, name, &KernelOption::name);
    return known == std::end(kernel_options) ? nullptr : known;
}

// Those of the list, in its order.
std::vector<KernelOption> known_options(std::string_view list) {
    std::vector<KernelOption> found;
    for (const ListedOption& option : split_options(list))
        if (const KernelOption* known = find_option(option.text)) found.push_back(*known);
    return found;
}

void apply(unsigned long& flags, std::string_view list) {
    for (const KernelOption& option : known_options(list))
        flags = (flags & ~option.clear) | option.set;
}

// What the kernel shows of access times, the mount must do.
Result<void> tell_process(const std::string& dir, const wire::Remount& request) {
    const auto presence = presence_of(absolute_path(dir));
    auto told =
        presence ? ask(*presence, request, answer_patience) : std::unexpected(presence.error());
    if (told && !told->fixed.empty())
        fmt::print(stderr, "flexfs: only an unmount and a new mount of {} can change {}\n", dir,
                   fmt::join(told->fixed, ", "));
    // Of the other options nothing has changed in any case.
    if (told || request.options.empty()) return {};
    return explain(told.error().code, fmt::format("the process behind {} was not told of {}: {}",
                                                  dir, request.options, told.error().message()));
}

}  // namespace

unsigned long remount_flags(std::string_view current, std::string_view wanted) {
    unsigned long flags = MS_REMOUNT;
    apply(flags, current);
    apply(flags, wanted);
    return flags;
}

std::string access_times_in(std::string_view options) {
    std::string list;
    for (const KernelOption& option : known_options(options))
        if ((option.set | option.clear) & about_times)
            list += fmt::format("{}{}", list.empty() ? "" : ",", option.name);
    return list;
}

std::string fixed_in(std::string_view options) {
    std::string list;
    for (const ListedOption& option : split_options(options))
        if (option.text != "remount" && !find_option(option.text))
            list += fmt::format("{}{}", list.empty() ? "" : ",", option.text);
    return list;
}

Result<void> remount(const std::string& dir, std::string_view wanted) {
    const auto current = fuse::mounted_on(dir);
    if (!current)
        return explain(EINVAL, fmt::format("nothing is mounted on {} that could change", dir));
    const unsigned long flags = remount_flags(current->options, wanted);
    if (::mount(nullptr, dir.c_str(), nullptr, flags, nullptr) == 0) {
        const wire::Remount request{access_times_in(wanted), fixed_in(wanted)};
        const bool nothing = request.options.empty() && request.others.empty();
        return nothing || (flags & MS_BIND) ? Result<void>() : tell_process(dir, request);
    }
    if (errno == EBUSY) return explain(EBUSY, fmt::format("files are open for writing in {}", dir));
    return fail_errno("remounting " + dir);
}

}  // namespace flexfs::mount
