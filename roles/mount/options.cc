#include "roles/mount/options.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "lib/base/format.h"
#include "lib/object/address.h"
#include "roles/mount/memory.h"
#include "roles/mount/option_list.h"

namespace flexfs::mount {
namespace {

constexpr std::uint64_t mem_bytes_min = 32 << 20;
constexpr std::uint64_t mem_bytes_default_min = 256 << 20;

constexpr const char* compression_names[] = {"none", "lz4", "zstd"};

std::uint64_t ram_bytes() {
    return std::uint64_t(sysconf(_SC_PHYS_PAGES)) * std::uint64_t(sysconf(_SC_PAGE_SIZE));
}

// Without "." and a slash at the end. ".." is followed above the last part only, which may be a
// mount that does not answer.
Result<std::string> absolute(std::string_view path) {
    namespace fs = std::filesystem;
    if (path.empty()) return fail(EINVAL, "the value is empty");
    std::error_code problem;
    fs::path whole = fs::absolute(path, problem);
    if (problem) return fail(problem.value(), "the working folder");
    if (std::ranges::find(whole, "..") != whole.end() && whole.filename() != "..") {
        const fs::path above = fs::weakly_canonical(whole.parent_path(), problem);
        if (!problem) whole = above / whole.filename();
    }
    whole = whole.lexically_normal();
    if (!whole.has_filename() && whole.has_relative_path()) whole = whole.parent_path();
    return whole.string();
}

cli::Target path(std::string& into, std::string hint) {
    return {std::move(hint), [&into](std::string_view value) -> Result<void> {
                TRY(into, absolute(value));
                return {};
            }};
}

// A switch that means another one too.
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

cli::Flag excluding(std::vector<std::string> others, cli::Flag row) {
    row.excludes = std::move(others);
    return row;
}

cli::Target ignored(std::string hint = {}) {
    return {std::move(hint), [](std::string_view) -> Result<void> { return {}; }};
}

void add_helper_flags(std::vector<cli::Flag>& rows, MountOptions& options, bool helper) {
    rows.push_back({helper ? "--foreground" : "-f, --foreground", cli::sets(options.foreground),
                    "stay in the foreground; also chosen by NOTIFY_SOCKET"});
    rows.push_back(
        {helper ? "-v, --verbose" : "--verbose", cli::sets(options.verbose), "log more"});
    if (!helper) return;
    rows.push_back({"-f", cli::sets(options.fake), ""});
    rows.push_back({"-s", ignored(), ""});
    rows.push_back({"-n", ignored(), ""});
    rows.push_back({"-t", ignored("TYPE"), ""});
}

void add_new_volume_flags(std::vector<cli::Flag>& rows, NewVolume& fresh) {
    const std::string group = "When the volume is made, which the first mount does";
    rows.push_back(
        {"--blockSize",
         {"SIZE",
          [&fresh](std::string_view value) -> Result<void> {
              TRY(cli::size(fresh.block_bytes, 0, {wire::block_bytes_min, wire::block_bytes_max})
                      .set(value));
              if (std::has_single_bit(*fresh.block_bytes)) return {};
              return fail(EINVAL, fmt::format("'{}' is not a power of two", value));
          }},
         "files are stored in blocks of this size (4MiB)",
         group});
    rows.push_back({"--compression", cli::choice(fresh.compression, {"none", "lz4", "zstd"}),
                    "of data (lz4)", group});
    rows.push_back({"--inlineSize", cli::size(fresh.inline_bytes, 0, {0, wire::inline_bytes_max}),
                    "files up to this live in the database (8KiB); 0: none does", group});
    rows.push_back({"--maxInodes", cli::number(fresh.max_inodes),
                    "files and folders it takes (0: no limit)", group});
    rows.push_back(
        {"--maxBlocks", cli::number(fresh.max_blocks), "blocks it takes (0: no limit)", group});
}

void add_takeover_flags(std::vector<cli::Flag>& rows, MountOptions& options) {
    rows.push_back({"--takeover", cli::number(options.takeover), ""});
    rows.push_back({"--checkTakeover", cli::number(options.check_takeover), ""});
    rows.push_back({"--takeoverFailed", cli::text(options.takeover_failed, "WHY"), ""});
}

std::string exact(Duration span) {
    if (span == Duration::max()) return "-1";
    return fmt::format("{}us", std::chrono::duration_cast<std::chrono::microseconds>(span).count());
}

}  // namespace

std::string compression_name(wire::Compression kind) {
    return compression_names[std::to_underlying(kind)];
}

std::optional<wire::Compression> compression_from(std::string_view name) {
    for (std::size_t i = 0; i < std::size(compression_names); ++i)
        if (name == compression_names[i]) return wire::Compression(i);
    return std::nullopt;
}

wire::VolumeInfo NewVolume::info() const {
    wire::VolumeInfo info;
    info.block_bytes = block_bytes.value_or(info.block_bytes);
    info.inline_bytes = inline_bytes.value_or(info.inline_bytes);
    info.max_inodes = max_inodes.value_or(info.max_inodes);
    info.max_blocks = max_blocks.value_or(info.max_blocks);
    info.compression = compression_from(compression).value_or(info.compression);
    return info;
}

Result<void> NewVolume::check_same(const wire::VolumeInfo& known, const std::string& folder) const {
    const auto compare = [&](const char* flag, const char* key, bool given, const auto& wanted,
                             const auto& has, auto text) -> Result<void> {
        if (!given || wanted == has) return {};
        return explain(
            EINVAL,
            fmt::format("{} {}: the volume in {} was made with {}; {}", flag, text(wanted), folder,
                        text(has),
                        key ? fmt::format("to change it edit {} in {}/volume.yaml", key, folder)
                            : "it stays as it is"));
    };
    const auto number = [](std::uint64_t value) { return fmt::format("{}", value); };
    const wire::VolumeInfo mine = info();
    const auto name = [](wire::Compression kind) { return compression_name(kind); };
    TRY(compare("--blockSize", nullptr, block_bytes.has_value(), mine.block_bytes,
                known.block_bytes, format_size));
    TRY(compare("--compression", "compression", !compression.empty(), mine.compression,
                known.compression, name));
    TRY(compare("--inlineSize", "inline_size", inline_bytes.has_value(), mine.inline_bytes,
                known.inline_bytes, format_size));
    TRY(compare("--maxInodes", "max_inodes", max_inodes.has_value(), mine.max_inodes,
                known.max_inodes, number));
    return compare("--maxBlocks", "max_blocks", max_blocks.has_value(), mine.max_blocks,
                   known.max_blocks, number);
}

std::vector<cli::Argument> arguments(MountOptions& options) {
    return {{"VOLUME",
             {"VOLUME",
              [&options](std::string_view value) -> Result<void> {
                  TRY(options.volume, absolute_address(value));
                  return {};
              }},
             "what to mount: a folder such as ./data, made if it is not there, or file:///data"},
            {"DIR", path(options.dir, "DIR"), "where: an empty folder"}};
}

std::vector<cli::Flag> flags(MountOptions& o, Dialect dialect) {
    std::vector<cli::Flag> rows{
        {"--ro", cli::sets(o.read_only), "nobody can change anything"},
        excluding({"--strictATime"}, {"--noATime", chosen(o.access_times, AccessTimes::never),
                                      "reading does not change access times"}),
        {"--strictATime", chosen(o.access_times, AccessTimes::always),
         "every read does (default: the first after a change, and one a day)"},
        {"--noDirATime", cli::sets(o.folder_access_times, false),
         "listing a folder does not change its access time"},
        {"--noExec", cli::sets(o.no_exec), "programs cannot be run from it"},
        {"--noSUID", cli::sets(o.no_suid), "set-user-id bits have no effect"},
        {"--noDev", cli::sets(o.no_dev), "device files have no effect"},
        {"--nonEmpty", cli::sets(o.non_empty), "mount even if DIR has entries"},
        {"--umask", cli::octal_mode(o.umask), "permission bits that nobody gets"},
        excluding({"--xAttr", "--acl"}, {"--noXAttr", both(o.xattr, o.acl, false),
                                         "no extended attributes, and no ACLs"}),
        {"--xAttr", cli::sets(o.xattr), "extended attributes (the default)"},
        excluding({"--acl"}, {"--noACL", cli::sets(o.acl, false),
                              "access control lists neither hold nor show"}),
        {"--acl", both(o.acl, o.xattr, true), "access control lists (the default)"},
        {"--rootSquash", cli::sets(o.squash.root),
         "root acts as another user, whom permissions hold"},
        {"--rootSquashUID", cli::number(o.squash.uid, {0, UINT32_MAX - 1}, "UID"),
         "as this one (65534)"},
        {"--rootSquashGID", cli::number(o.squash.gid, {0, UINT32_MAX - 1}, "GID"),
         "in this group (65534)"},
        {"--memCapacity", cli::size(o.mem_bytes, ram_bytes(), {mem_bytes_min}),
         "for everything that caches or waits (2%, at least 256MiB)"},
        {"--dirtyCapacity", cli::size(o.dirty_bytes, ram_bytes(), {mem_bytes_min / 8}),
         "of it, for data that is not stored yet (a quarter)"},
        {"--flushOnClose", cli::sets(o.flush_on_close), "close waits as fsync does"},
        {"--sync", cli::sets(o.sync), "every answered change survives a power cut"},
        {"--attrValid", cli::duration(o.attr_valid), "the kernel may keep attributes (3600s)"},
        {"--entryValid", cli::duration(o.entry_valid), "the kernel may keep names (3600s)"},
        {"--maxBops", cli::number(o.max_bops, {0, 4096}),
         "block operations at a time (0: automatic)"},
        {"--dbFolder", path(o.db_folder, "DIR"),
         "where the metadata database is (meta in the volume's folder)"},
        {"--logFile", path(o.log_file, "FILE"), "where a daemon logs"},
        {"-o",
         {"OPTIONS",
          [&o, dialect](std::string_view list) -> Result<void> {
              o.listed += fmt::format("{}{}", o.listed.empty() ? "" : ",", list);
              if (!is_remount(o.listed)) return apply_option_list(o, list, dialect.sloppy);
              o.remount = o.listed;
              return check_remount_list(list, dialect.sloppy);
          }},
         "the flags above as mount(8) has them: ro,noATime,memCapacity=1G"}};
    add_helper_flags(rows, o, dialect.helper);
    add_new_volume_flags(rows, o.fresh);
    add_takeover_flags(rows, o);
    return rows;
}

std::vector<std::string> command_line(const MountOptions& o) {
    std::vector<std::string> words{"start", o.volume, o.dir};
    const auto add_if = [&words](bool given, const char* flag) {
        if (given) words.push_back(flag);
    };
    const auto add = [&words](const char* flag, const std::string& value) {
        words.push_back(fmt::format("{}={}", flag, value));
    };
    add_if(o.read_only, "--ro");
    add_if(o.access_times == AccessTimes::never, "--noATime");
    add_if(o.access_times == AccessTimes::always, "--strictATime");
    add_if(!o.folder_access_times, "--noDirATime");
    add_if(o.no_exec, "--noExec");
    add_if(o.no_suid, "--noSUID");
    add_if(o.no_dev, "--noDev");
    add_if(o.non_empty, "--nonEmpty");
    add("--umask", fmt::format("{:o}", o.umask));
    add_if(!o.xattr, "--noXAttr");
    add_if(!o.acl, "--noACL");
    add_if(o.squash.root, "--rootSquash");
    add("--rootSquashUID", std::to_string(o.squash.uid));
    add("--rootSquashGID", std::to_string(o.squash.gid));
    add("--memCapacity", std::to_string(o.mem_bytes));
    add("--dirtyCapacity", std::to_string(o.dirty_bytes));
    add_if(o.flush_on_close, "--flushOnClose");
    add_if(o.sync, "--sync");
    add("--attrValid", exact(o.attr_valid));
    add("--entryValid", exact(o.entry_valid));
    add("--maxBops", std::to_string(o.max_bops));
    if (!o.db_folder.empty()) add("--dbFolder", o.db_folder);
    if (!o.log_file.empty()) add("--logFile", o.log_file);
    add_if(o.foreground, "--foreground");
    add_if(o.verbose, "--verbose");
    return words;
}

Result<void> finish(MountOptions& options) {
    // A process that takes over goes on as the one before it.
    const bool takes_over = options.takeover || options.check_takeover;
    const auto log_folder = std::filesystem::path(options.log_file).parent_path();
    if (!takes_over && !log_folder.empty() && ::access(log_folder.c_str(), F_OK) != 0)
        return fail(EINVAL,
                    errno == ENOENT
                        ? fmt::format("--logFile {}: the folder {} does not exist",
                                      options.log_file, log_folder.string())
                        : fmt::format("--logFile {}: {}", options.log_file, std::strerror(errno)));
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
                    fmt::format("--maxBops {} takes more memory than --memCapacity {} has for it; "
                                "{} at most",
                                options.max_bops, format_size(options.mem_bytes), most));
    return {};
}

Result<std::string> absolute_address(std::string_view text) {
    if (text.empty()) return fail(EINVAL, "the value is empty");
    if (!object::is_address(text))
        return fail(EINVAL,
                    fmt::format("no volume is named '{0}'; for a folder write ./{0}", text));
    const auto colon = text.find(':'), slash = text.find('/');
    if (slash == std::string_view::npos ? colon == std::string_view::npos : slash < colon)
        return absolute(text);
    TRY(auto address, object::parse_address(text));
    if (address.kind == object::Address::Kind::file && !address.folder.starts_with('/'))
        return fail(EINVAL, fmt::format("'{}' names a relative folder; write file:///path", text));
    return std::string(text);
}

}  // namespace flexfs::mount
