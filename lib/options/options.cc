#include "lib/options/options.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "lib/base/format.h"
#include "lib/object/address.h"
#include "lib/options/memory.h"
#include "lib/options/option_list.h"
#include "lib/options/option_table.h"
#include "lib/process/restarter.h"

namespace flexfs::options {
namespace {

constexpr std::uint64_t mem_bytes_default_min = 256 << 20;

// Makes a path absolute, without "." and a slash at the end. The last part is not resolved, because
// it may be a mount that does not answer; the parts above it are if one of them is "..".
Result<std::string> absolute(std::string_view path) {
    namespace fs = std::filesystem;
    if (path.empty()) return fail(EINVAL, "the value is empty");
    std::error_code problem;
    fs::path whole = fs::absolute(path, problem);
    if (problem) return fail(problem.value(), "cannot find the working folder");
    if (std::ranges::find(whole, "..") != whole.end() && whole.filename() != "..") {
        const fs::path above = fs::weakly_canonical(whole.parent_path(), problem);
        if (!problem) whole = above / whole.filename();
    }
    whole = whole.lexically_normal();
    if (!whole.has_filename() && whole.has_relative_path()) whole = whole.parent_path();
    return whole.string();
}

cli::Target ignored(std::string hint = {}) {
    return {std::move(hint), [](std::string_view) -> Result<void> { return {}; }};
}

// Records that the flag was given, for merge_option_list().
cli::Flag noted(MountOptions& options, cli::Flag row) {
    row.target.set = [&options, name = std::string(cli::long_name(row)),
                      set = std::move(row.target.set)](std::string_view value) -> Result<void> {
        TRY(set(value));
        options.flags_given.push_back(name);
        return {};
    };
    return row;
}

// Under mount(8), -f and -v have the meaning that mount(8) gives them.
std::string names_for(const std::string& names, bool helper) {
    if (!helper) return names;
    if (names == "-f, --foreground") return "--foreground";
    return names == "--verbose" ? "-v, --verbose" : names;
}

cli::Flag option_list_flag(MountOptions& options) {
    return {"-o",
            {"OPTIONS",
             [&options](std::string_view list) -> Result<void> {
                 options.listed += fmt::format("{}{}", options.listed.empty() ? "" : ",", list);
                 if (is_remount(options.listed)) return check_remount_list(list, options.sloppy);
                 MountOptions unused = options;
                 return apply_option_list(unused, list, options.sloppy);
             }},
            "options as in fstab: the names of flags without dashes, separated by commas, such as "
            "ro,noATime,memCapacity=1G. If two of them contradict each other, the last one wins; "
            "one that contradicts a flag is refused"};
}

void add_hidden_flags(std::vector<cli::Flag>& rows, MountOptions& options, bool helper) {
    rows.push_back({process::takeover_flag, cli::number(options.takeover), ""});
    rows.push_back({process::check_takeover_flag, cli::number(options.check_takeover), ""});
    rows.push_back({"--takeoverFailed", cli::text(options.takeover_failed, "WHY"), ""});
    if (!helper) return;
    rows.push_back({"-f", cli::sets(options.fake), ""});
    rows.push_back({"-s", ignored(), ""});
    rows.push_back({"-n", ignored(), ""});
    rows.push_back({"-t", ignored("TYPE"), ""});
}

Result<void> check_log_folder(std::string_view flag, const std::string& file) {
    const auto folder = std::filesystem::path(file).parent_path();
    if (folder.empty() || ::access(folder.c_str(), F_OK) == 0) return {};
    return fail(EINVAL,
                fmt::format("{} {}: the folder {} {}", flag, file, folder.string(),
                            errno == EACCES ? "cannot be entered by this user" : "does not exist"));
}

}  // namespace

std::uint64_t ram_bytes() {
    return std::uint64_t(sysconf(_SC_PHYS_PAGES)) * std::uint64_t(sysconf(_SC_PAGE_SIZE));
}

cli::Target absolute_path_target(std::string& into, std::string hint) {
    return {std::move(hint), [&into](std::string_view value) -> Result<void> {
                TRY(into, absolute(value));
                return {};
            }};
}

std::vector<cli::Argument> arguments(MountOptions& options) {
    return {{"VOLUME",
             {"VOLUME",
              [&options](std::string_view value) -> Result<void> {
                  TRY(options.volume, absolute_address(value));
                  return {};
              }},
             "the folder that holds the volume, as a path with a slash (./data, /srv/data) or as "
             "file:///srv/data; created if it does not exist"},
            {"DIR", absolute_path_target(options.dir, "DIR"), "the mount point, an empty folder"}};
}

std::vector<cli::Flag> flags(MountOptions& options, Dialect dialect) {
    options.sloppy = dialect.sloppy;
    std::vector<cli::Flag> rows;
    for (Option& option : option_table(options)) {
        option.flag.names = names_for(option.flag.names, dialect.helper);
        rows.push_back(noted(options, std::move(option.flag)));
    }
    // The flag -o stands after the flags that it can repeat, which are those without a group.
    const auto behind = std::ranges::find_if(
        rows, [](const cli::Flag& row) { return row.names.ends_with("--foreground"); });
    rows.insert(behind, option_list_flag(options));
    add_hidden_flags(rows, options, dialect.helper);
    return rows;
}

std::vector<std::string> command_line(const MountOptions& options) {
    MountOptions copy = options;
    std::vector<std::string> words{"start", options.volume, options.dir};
    for (const Option& row : option_table(copy)) {
        const std::string value = row.value();
        if (value.empty()) continue;
        const std::string name = fmt::format("--{}", cli::long_name(row.flag));
        words.push_back(row.flag.target.hint.empty() ? name : fmt::format("{}={}", name, value));
    }
    return words;
}

Result<void> finish(MountOptions& options) {
    // A process that takes over has the options of its predecessor, which checked them.
    const bool takes_over = options.takeover || options.check_takeover;
    if (!takes_over) {
        TRY(check_log_folder("--logFile", options.log_file));
        TRY(check_log_folder("--accessLog", options.access_log));
        if (options.access_log.starts_with(options.dir + "/"))
            return fail(EINVAL,
                        fmt::format("--accessLog {} is inside the mount, which would log its own "
                                    "lines; name a file elsewhere",
                                    options.access_log));
    }
    // The words for the next image of the process name the user and group in any case.
    const wire::Squash &squash = options.squash, unsquashed;
    if (!takes_over && !squash.root &&
        (squash.uid != unsquashed.uid || squash.gid != unsquashed.gid))
        return fail(EINVAL,
                    fmt::format("--rootSquash{} has no effect without --rootSquash; add that",
                                squash.uid != unsquashed.uid ? "UID" : "GID"));
    if (options.mem_bytes > ram_bytes() && !takes_over)
        return fail(EINVAL, fmt::format("--memCapacity {} is more than the {} this machine has",
                                        format_size(options.mem_bytes), format_size(ram_bytes())));
    if (options.mem_bytes == 0)
        options.mem_bytes = std::max(ram_bytes() / 50, mem_bytes_default_min);
    if (options.dirty_bytes == 0) options.dirty_bytes = options.mem_bytes / 4;
    if (options.dirty_bytes > options.mem_bytes)
        return fail(EINVAL,
                    fmt::format("--dirtyCapacity {} is more than --memCapacity {}",
                                format_size(options.dirty_bytes), format_size(options.mem_bytes)));
    if (const std::uint64_t most = store_requests_max(options.mem_bytes); options.max_bops > most)
        return fail(EINVAL,
                    fmt::format("--maxBops {} needs more memory than --memCapacity {} has for it; "
                                "the maximum is {}",
                                options.max_bops, format_size(options.mem_bytes), most));
    return {};
}

Result<std::string> absolute_address(std::string_view text) {
    if (text.empty()) return fail(EINVAL, "the value is empty");
    if (!object::is_address(text))
        return fail(EINVAL,
                    fmt::format("'{0}' is neither a path, which has a slash, nor an address such "
                                "as file:///path; write ./{0} for the folder {0}",
                                text));
    const auto colon = text.find(':'), slash = text.find('/');
    if (slash == std::string_view::npos ? colon == std::string_view::npos : slash < colon)
        return absolute(text);
    TRY(auto address, object::parse_address(text));
    if (address.kind == object::Address::Kind::file && !address.folder.starts_with('/'))
        return fail(EINVAL, fmt::format("'{}' names a relative folder; write file:///path", text));
    return std::string(text);
}

}  // namespace flexfs::options
