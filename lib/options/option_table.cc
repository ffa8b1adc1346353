#include "lib/options/option_table.h"

#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "lib/base/format.h"
#include "lib/options/memory.h"

namespace flexfs::options {
namespace {

using Rows = std::vector<Option>;

std::function<std::string()> on(const bool& value, bool when = true) {
    return [&value, when] { return std::string(value == when ? "true" : ""); };
}
template <class Number>
std::function<std::string()> number(const Number& value) {
    return [&value] { return std::to_string(value); };
}
std::function<std::string()> as_given(const std::string& value) {
    return [&value] { return value; };
}
std::function<std::string()> microseconds(const Duration& value) {
    return [&value] {
        if (value == Duration::max()) return std::string("-1");
        return fmt::format("{}us",
                           std::chrono::duration_cast<std::chrono::microseconds>(value).count());
    };
}

// A switch that also sets another one.
cli::Target both(bool& one, bool& other, bool value) {
    return {"", [&one, &other, value](std::string_view given) -> Result<void> {
                TRY(cli::sets(one, value).set(given));
                if (one == value) other = value;
                return {};
            }};
}

cli::Target chosen(AccessTimes& into, AccessTimes value) {
    return {"", [&into, value](std::string_view given) -> Result<void> {
                bool wanted = true;
                TRY(cli::sets(wanted).set(given));
                if (wanted) into = value;
                else if (into == value) into = AccessTimes::relative;
                return {};
            }};
}

cli::Target power_of_two(std::optional<std::uint32_t>& into, cli::Bounds bounds) {
    return {"SIZE", [&into, bounds](std::string_view value) -> Result<void> {
                TRY(cli::size(into, 0, bounds).set(value));
                if (std::has_single_bit(*into)) return {};
                return fail(EINVAL, fmt::format("'{}' is not a power of two", value));
            }};
}

cli::Flag flag(std::string name, cli::Target target, std::string help) {
    return {std::move(name), std::move(target), std::move(help)};
}
cli::Flag excluding(std::string other, cli::Flag row) {
    row.excludes = {std::move(other)};
    return row;
}

template <class T, class V>
std::function<void()> set(T& into, V value) {
    return [&into, value] { into = value; };
}

// A switch that mount(8) also has, and that a remount changes in the kernel.
Option kernel_switch(bool& value, const char* name, const char* help, unsigned long bit,
                     std::string_view lower, std::string_view opposite) {
    Option row{flag(name, cli::sets(value), help), on(value), {bit, 0}};
    if (!lower.empty()) row.names.push_back({lower, set(value, true), {bit, 0}});
    row.names.push_back({opposite, set(value, false), {0, bit}});
    return row;
}

void add_access_times(Rows& rows, MountOptions& o) {
    constexpr unsigned long times = MS_NOATIME | MS_RELATIME | MS_STRICTATIME;
    constexpr KernelFlags never{MS_NOATIME, times}, always{MS_STRICTATIME, times},
        relative{MS_RELATIME, times};
    const auto is = [&o](AccessTimes which) {
        return [&o, which] { return std::string(o.access_times == which ? "true" : ""); };
    };
    const auto become_relative = set(o.access_times, AccessTimes::relative);
    rows.push_back(
        {excluding("--strictATime", flag("--noATime", chosen(o.access_times, AccessTimes::never),
                                         "do not update access times")),
         is(AccessTimes::never),
         never,
         {{"noatime", set(o.access_times, AccessTimes::never), never},
          {"atime", become_relative, relative},
          {"relatime", become_relative, relative}}});
    rows.push_back({flag("--strictATime", chosen(o.access_times, AccessTimes::always),
                         "update the access time on every read (default: on the first read after "
                         "a change, and then once a day)"),
                    is(AccessTimes::always),
                    always,
                    {{"strictatime", set(o.access_times, AccessTimes::always), always},
                     {"norelatime", set(o.access_times, AccessTimes::always), always},
                     {"nostrictatime", become_relative, relative}}});
    rows.push_back({flag("--noDirATime", cli::sets(o.folder_access_times, false),
                         "do not update the access times of folders"),
                    on(o.folder_access_times, false),
                    {MS_NODIRATIME, 0},
                    {{"nodiratime", set(o.folder_access_times, false), {MS_NODIRATIME, 0}},
                     {"diratime", set(o.folder_access_times, true), {0, MS_NODIRATIME}}}});
}

void add_permissions(Rows& rows, MountOptions& o) {
    rows.push_back(kernel_switch(o.no_exec, "--noExec", "do not run programs that are on the mount",
                                 MS_NOEXEC, "noexec", "exec"));
    rows.push_back(kernel_switch(o.no_suid, "--noSUID",
                                 "ignore set-user-ID and set-group-ID bits and file capabilities",
                                 MS_NOSUID, "nosuid", "suid"));
    rows.push_back(
        kernel_switch(o.no_dev, "--noDev", "ignore device files", MS_NODEV, "nodev", "dev"));
    rows.push_back({flag("--nonEmpty", cli::sets(o.non_empty), "mount even if DIR is not empty"),
                    on(o.non_empty),
                    {},
                    {{"nonempty", set(o.non_empty, true)}}});
    rows.push_back(
        {flag("--umask", cli::octal_mode(o.umask), "permission bits to deny to everybody (000)"),
         [&o] { return fmt::format("{:o}", o.umask); }});
    rows.push_back({excluding("--xAttr", flag("--noXAttr", both(o.xattr, o.acl, false),
                                              "disable extended attributes and ACLs")),
                    on(o.xattr, false)});
    rows.back().flag.excludes.push_back("--acl");
    rows.push_back({flag("--xAttr", cli::sets(o.xattr), "enable extended attributes (default)")});
    rows.push_back({excluding("--acl", flag("--noACL", cli::sets(o.acl, false),
                                            "disable ACLs: they are neither enforced nor visible")),
                    on(o.acl, false)});
    rows.push_back({flag("--acl", both(o.acl, o.xattr, true), "enable ACLs (default)")});
    rows.push_back(
        {flag("--rootSquash", cli::sets(o.squash.root), "map root to an unprivileged user"),
         on(o.squash.root)});
    rows.push_back({flag("--rootSquashUID", cli::number(o.squash.uid, {0, UINT32_MAX - 1}, "UID"),
                         "the user that root is mapped to (65534)"),
                    number(o.squash.uid)});
    rows.push_back({flag("--rootSquashGID", cli::number(o.squash.gid, {0, UINT32_MAX - 1}, "GID"),
                         "the group that root is mapped to (65534)"),
                    number(o.squash.gid)});
}

void add_resources(Rows& rows, MountOptions& o) {
    const std::uint64_t ram = ram_bytes();
    rows.push_back(
        {flag("--memCapacity", cli::size(o.mem_bytes, ram, {mem_bytes_min}),
              "memory for all caches, buffers and data that is not stored yet; 5% means 5% "
              "of RAM (2%, at least 256MiB); the minimum is 32MiB"),
         number(o.mem_bytes)});
    rows.push_back({flag("--dirtyCapacity", cli::size(o.dirty_bytes, ram, {mem_bytes_min / 8}),
                         "the part of --memCapacity for data that is not stored yet (a quarter); "
                         "the minimum is 4MiB"),
                    number(o.dirty_bytes)});
    rows.push_back({flag("--flushOnClose", cli::sets(o.flush_on_close),
                         "close waits until the data is stored, as fsync does"),
                    on(o.flush_on_close)});
    rows.push_back({flag("--sync", cli::sets(o.sync),
                         "metadata operations, such as create, rename and chmod, survive a power "
                         "cut once they return; data still needs fsync"),
                    on(o.sync),
                    {},
                    {{"dirsync", set(o.sync, true)}, {"async", set(o.sync, false)}}});
    rows.push_back({flag("--attrValid", cli::duration(o.attr_valid),
                         "how long the kernel may cache attributes (1h); 0: not at all, -1: for "
                         "ever"),
                    microseconds(o.attr_valid)});
    rows.push_back({flag("--entryValid", cli::duration(o.entry_valid),
                         "how long the kernel may cache names (1h); 0: not at all, -1: for ever"),
                    microseconds(o.entry_valid)});
    rows.push_back({flag("--maxBops", cli::number(o.max_bops, {0, 4096}),
                         "the most requests to the store at a time (0: automatic)"),
                    number(o.max_bops)});
    rows.push_back({flag("--repackInterval", cli::duration(o.repack_interval),
                         "how often segments that hold mostly deleted data are rewritten, and how "
                         "old they must be (10m); 0: never"),
                    microseconds(o.repack_interval)});
}

void add_process(Rows& rows, MountOptions& o) {
    rows.push_back({flag("--dbFolder", absolute_path_target(o.db_folder, "DIR"),
                         "the folder of the metadata database (meta in the volume's folder; of a "
                         "bucket, a folder in ~/.flexfs/mount/data); every mount of the volume "
                         "needs the same"),
                    as_given(o.db_folder)});
    rows.push_back({flag("--logFile", absolute_path_target(o.log_file, "FILE"),
                         "where the daemon writes its log (a file in ~/.flexfs/mount/log)"),
                    as_given(o.log_file)});
    rows.push_back({flag("--accessLog", absolute_path_target(o.access_log, "FILE"),
                         "append a line to FILE for each request of a program: its arguments, "
                         "result and duration. SIGHUP opens the file again"),
                    as_given(o.access_log)});
    rows.push_back({flag("--metricsAddr", cli::text(o.metrics_address, "HOST:PORT"),
                         "serve metrics in the format of Prometheus at http://HOST:PORT/metrics, "
                         "and /healthz"),
                    as_given(o.metrics_address)});
    rows.push_back({flag("-f, --foreground", cli::sets(o.foreground),
                         "stay in the foreground (default if NOTIFY_SOCKET is set)"),
                    on(o.foreground)});
    rows.push_back({flag("--verbose", cli::sets(o.verbose), "log more"), on(o.verbose)});
}

// Words that name a file become absolute, as in other flags.
cli::Target setting(conf::StoreSettings& store, const conf::StoreSetting& row) {
    return {std::string(row.hint), [&store, &row](std::string_view given) -> Result<void> {
                std::string value(given);
                if (row.hint == "FILE")
                    TRY(absolute_path_target(value, std::string(row.hint)).set(given));
                return row.set(store, value);
            }};
}

void add_bucket(Rows& rows, MountOptions& o) {
    const std::size_t first = rows.size();
    std::vector<cli::Flag> flags = store_flags(o.store);
    for (const conf::StoreSetting& row : conf::store_settings())
        if (!row.secret)
            rows.push_back({std::move(flags[rows.size() - first]), as_given(o.store.*row.value)});
    rows.push_back({flag("--credsFile", absolute_path_target(o.creds_file, "FILE"),
                         "these settings, and the secrets that go with them, as lines such as "
                         "`region: eu-west-1` (a file in ~/.flexfs/mount/creds)"),
                    as_given(o.creds_file)});
    rows.push_back({flag("--takeOver", cli::sets(o.take_over),
                         "mount the volume even if another machine may be using it, which then "
                         "loses what it has not stored")});
    for (std::size_t at = first; at < rows.size(); ++at)
        rows[at].flag.group = "For a volume in a bucket";
}

void add_new_volume(Rows& rows, volume::NewVolume& fresh) {
    const std::string group = "For a new volume, which the first mount creates";
    const auto add = [&](const char* name, cli::Target target, const char* help) {
        rows.push_back({flag(name, std::move(target), help)});
        rows.back().flag.group = group;
    };
    add("--blockSize",
        power_of_two(fresh.block_bytes, {wire::block_bytes_min, wire::block_bytes_max}),
        "the size of the blocks that files are stored in (4MiB), a power of two from 256KiB to "
        "8MiB");
    add("--compression", cli::choice(fresh.compression, {"none", "lz4", "zstd"}),
        "how file data is compressed (lz4)");
    add("--inlineSize", cli::size(fresh.inline_bytes, 0, {0, wire::inline_bytes_max}),
        "files up to this size, at most 16KiB, are kept in the database (8KiB); 0: none");
    add("--maxInodes", cli::number(fresh.max_inodes),
        "limit on files and folders, including the root folder (0: none)");
    add("--maxBlocks", cli::number(fresh.max_blocks),
        "limit on the data of all files together, counted in blocks of --blockSize (0: none)");
}

constexpr ForeignOption foreign_options[] = {
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
    {"default_permissions"},
    {"remount", true},
    {"bind", true, {MS_BIND, 0}},  // changes only the mount point, not the filesystem
    {"nosymfollow", true, {MS_NOSYMFOLLOW, 0}},
    {"symfollow", true, {0, MS_NOSYMFOLLOW}},
    {"user_id", true},
    {"group_id", true},
    {"max_read", true},
    {"blksize", true},
    {"seclabel", true}};

}  // namespace

std::vector<cli::Flag> store_flags(conf::StoreSettings& settings) {
    std::vector<cli::Flag> flags;
    for (const conf::StoreSetting& row : conf::store_settings())
        if (!row.secret)
            flags.push_back(
                flag(fmt::format("--{}", row.key), setting(settings, row), std::string(row.help)));
    return flags;
}

std::vector<Option> option_table(MountOptions& o) {
    Rows rows;
    rows.push_back(kernel_switch(o.read_only, "--ro", "mount read-only", MS_RDONLY, {}, "rw"));
    rows.back().flag.synonyms = {"readOnly", "read-only"};
    add_access_times(rows, o);
    add_permissions(rows, o);
    add_resources(rows, o);
    add_process(rows, o);
    add_bucket(rows, o);
    add_new_volume(rows, o.fresh);
    return rows;
}

const ForeignOption* find_foreign(std::string_view name) {
    // These are comments for other programs: x-systemd.automount, comment=….
    static constexpr ForeignOption comment{"comment"};
    if (name.starts_with("x-") || name.starts_with("X-") || name == comment.name) return &comment;
    const auto found = std::ranges::find(foreign_options, name, &ForeignOption::name);
    return found == std::end(foreign_options) ? nullptr : found;
}

KernelFlags kernel_flags(std::string_view name) {
    if (const ForeignOption* foreign = find_foreign(name)) return foreign->kernel;
    MountOptions unused;
    for (const Option& row : option_table(unused)) {
        if (cli::long_name(row.flag) == name) return row.kernel;
        const auto found = std::ranges::find(row.names, name, &OptionName::name);
        if (found != row.names.end()) return found->kernel;
    }
    return {};
}

}  // namespace flexfs::options
