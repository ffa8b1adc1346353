#include "roles/mount/remount.h"

#include <sys/mount.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/options/option_list.h"
#include "lib/options/option_table.h"
#include "lib/process/ask.h"
#include "lib/process/mount_table.h"
#include "lib/wire/control.h"
#include "roles/mount/running.h"

namespace flexfs::mount {

using options::KernelFlags;
using options::ListedOption;
using options::split_options;

namespace {

constexpr unsigned long times = MS_NOATIME | MS_RELATIME | MS_STRICTATIME | MS_NODIRATIME;

void apply(unsigned long& flags, std::string_view list) {
    for (const ListedOption& option : split_options(list)) {
        const KernelFlags kernel = options::kernel_flags(option.name);
        flags = (flags & ~kernel.clear) | kernel.set;
    }
}

void append(std::string& list, std::string_view option) {
    list += fmt::format("{}{}", list.empty() ? "" : ",", option);
}

Result<wire::Remounted> ask_process(const std::string& dir, const wire::Remount& request) {
    TRY(const process::Presence presence,
        process::presence_of(role_name, process::absolute_path(dir)));
    auto answer = process::ask(presence, request, process::answer_patience);
    if (answer) return answer;
    return explain(answer.error().code,
                   fmt::format("cannot reach the process of the mount on {}: {}", dir,
                               answer.error().message()));
}

// This is called before anything is changed.
Result<void> check_fixed(const std::string& dir, const std::string& fixed) {
    if (fixed.empty()) return {};
    TRY(const wire::Remounted answer, ask_process(dir, {"", fixed}));
    if (answer.fixed.empty()) return {};
    if (std::ranges::find(answer.fixed, "rw") != answer.fixed.end())
        return explain(EINVAL, fmt::format("{} was mounted read-only and cannot become writable; "
                                           "unmount it and mount it again without --ro",
                                           dir));
    return explain(EINVAL, fmt::format("cannot change {} of {} while it is mounted; unmount it "
                                       "and mount it again",
                                       fmt::join(answer.fixed, ", "), dir));
}

}  // namespace

unsigned long remount_flags(std::string_view current, std::string_view wanted, Given given) {
    unsigned long flags = 0;
    apply(flags, current);
    if (given == Given::by_mount8) flags &= times;  // the kernel keeps those too
    apply(flags, wanted);
    return flags | MS_REMOUNT;
}

std::string access_times_in(std::string_view options) {
    std::string list;
    for (const ListedOption& option : split_options(options)) {
        const KernelFlags kernel = options::kernel_flags(option.name);
        if ((kernel.set | kernel.clear) & times) append(list, option.text);
    }
    return list;
}

std::string fixed_in(std::string_view options) {
    std::string list;
    for (const ListedOption& option : split_options(options))
        if (!options::find_foreign(option.name) && !options::kernel_flags(option.name).any())
            append(list, option.text);
    return list;
}

Result<void> remount(const std::string& dir, std::string_view wanted, Given given) {
    const auto current = process::mounted_on(dir);
    if (!current) return explain(EINVAL, fmt::format("nothing is mounted on {}", dir));
    const unsigned long flags = remount_flags(current->options, wanted, given);
    const bool only_mount_point = flags & MS_BIND;
    std::string fixed = fixed_in(wanted);
    const bool was_read_only = remount_flags(current->options, "", Given::by_user) & MS_RDONLY;
    if (was_read_only && !(flags & MS_RDONLY)) append(fixed, "rw");
    if (!only_mount_point) TRY(check_fixed(dir, fixed));
    if (::mount(nullptr, dir.c_str(), nullptr, flags, nullptr) != 0) {
        if (errno == EBUSY)
            return explain(
                EBUSY, fmt::format("cannot make {} read-only: files are open for writing", dir));
        if (errno == EPERM) return explain(EPERM, fmt::format("only root may remount {}", dir));
        return fail_errno("cannot remount " + dir);
    }
    const std::string heard = access_times_in(wanted);
    if (only_mount_point || heard.empty()) return {};
    TRY(ask_process(dir, {heard, ""}));
    return {};
}

}  // namespace flexfs::mount
