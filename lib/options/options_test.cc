#include "lib/options/options.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "lib/cli/program.h"
#include "lib/options/option_list.h"
#include "lib/options/option_table.h"

namespace flexfs::options {
namespace {

// The options that a command line of `start` gives; `code` is the result of cli::run().
struct Parsed {
    MountOptions options;
    int code = 0;
};

Parsed start(std::vector<std::string> args, Dialect dialect = {}) {
    Parsed parsed;
    const cli::Program program{.name = "flexfs mount",
                               .verbs = {{.name = "start",
                                          .arguments = arguments(parsed.options),
                                          .flags = flags(parsed.options, dialect),
                                          .run =
                                              [&parsed] {
                                                  MountOptions& o = parsed.options;
                                                  if (is_remount(o.listed)) return 0;
                                                  return merge_option_list(o) ? 0 : cli::exit_usage;
                                              }}},
                               .default_verb = "start"};
    std::FILE* nowhere = std::fopen("/dev/null", "w");
    parsed.code = cli::run(program, args, {nowhere, nowhere});
    std::fclose(nowhere);
    return parsed;
}

std::string here(const std::string& path) {
    return (std::filesystem::current_path() / path).string();
}

}  // namespace

TEST_CASE("folders are absolute, for a daemon leaves the folder it was started in") {
    const auto [options, code] = start({"./data", "mnt", "--dbFolder", "db", "--logFile=log"});

    CHECK(code == 0);
    CHECK(options.volume == here("data"));
    CHECK(options.dir == here("mnt"));
    CHECK(options.db_folder == here("db"));
    CHECK(options.log_file == here("log"));
    CHECK(start({"/a/./b//", "/c/../m/"}).options.volume == "/a/b");
    CHECK(start({"/", "/usr/../m/"}).options.dir == "/m");
}

TEST_CASE("an address with faults is kept as it is written") {
    const std::string address = "file:///data?latency=20ms&errors=0.01&stall=0.001&truncate=0.001";

    CHECK(absolute_address(address) == address);
    CHECK(absolute_address("data/sub") == here("data/sub"));
    CHECK(absolute_address("/data?x") == "/data?x");
}

TEST_CASE("an invalid address is refused with a valid form") {
    CHECK(absolute_address("statsu").error().context ==
          "'statsu' is neither a path, which has a slash, nor an address such as file:///path; "
          "write ./statsu for the folder statsu");
    for (const char* text : {"", "file:data", "file:./data", "ftp://x/y", "file:///data?errors=2",
                             "file:///data?frobnicate=1"})
        CHECK_MESSAGE(absolute_address(text).error().code == EINVAL, text);
}

TEST_CASE("the flags of start reach their options") {
    const auto [o, code] = start({"start",
                                  "/d",
                                  "/m",
                                  "--ro",
                                  "--noATime",
                                  "--noExec",
                                  "--noSUID",
                                  "--noDev",
                                  "--nonEmpty",
                                  "--umask=027",
                                  "--memCapacity=128M",
                                  "--dirtyCapacity",
                                  "32M",
                                  "--flushOnClose",
                                  "--sync",
                                  "--attrValid=1s",
                                  "--entryValid=-1",
                                  "--maxBops=7",
                                  "--repackInterval=90s",
                                  "-f",
                                  "--verbose",
                                  "--blockSize=1M",
                                  "--compression=zstd",
                                  "--inlineSize=0",
                                  "--maxInodes=5",
                                  "--maxBlocks=6"});

    CHECK(code == 0);
    CHECK((o.read_only && o.no_exec && o.no_suid && o.no_dev && o.non_empty));
    CHECK(o.access_times == AccessTimes::never);
    CHECK((o.flush_on_close && o.sync && o.foreground && o.verbose && !o.fake));
    CHECK(o.umask == 027);
    CHECK(o.mem_bytes == 128 << 20);
    CHECK(o.dirty_bytes == 32 << 20);
    CHECK(o.attr_valid == std::chrono::seconds(1));
    CHECK(o.entry_valid == Duration::max());
    CHECK(o.max_bops == 7);
    CHECK(o.repack_interval == std::chrono::seconds(90));
    const wire::VolumeInfo info = o.fresh.info();
    CHECK(info.block_bytes == 1 << 20);
    CHECK(info.compression == wire::Compression::zstd);
    CHECK(info.inline_bytes == 0);
    CHECK(info.max_inodes == 5);
    CHECK(info.max_blocks == 6);
    CHECK(start({"/d", "/m", "--blockSize=3M"}).code == cli::exit_usage);
    CHECK(start({"/d"}).code == cli::exit_usage);
}

TEST_CASE("ACLs and extended attributes go together") {
    CHECK(start({"/d", "/m"}).options.acl);
    CHECK(!start({"/d", "/m", "--noXAttr"}).options.acl);
    CHECK(start({"/d", "/m", "--noACL"}).options.xattr);
    CHECK(!start({"/d", "/m", "--noACL"}).options.acl);
    CHECK(start({"/d", "/m", "--noXAttr", "--acl"}).code == cli::exit_usage);
    const auto both = start({"/d", "/m", "-o", "noXAttr,acl"}).options;  // the last one wins
    CHECK((both.acl && both.xattr));
}

TEST_CASE("called by mount(8), -f, -n, -s, -t and -v mean what they mean to it") {
    const auto [o, code] =
        start({"/d", "/m", "-n", "-v", "-f", "-s", "-t", "flexfs", "-o", "rw,noatime,odd"},
              {.helper = true, .sloppy = true});

    CHECK(code == 0);
    CHECK((o.fake && o.verbose && !o.foreground));
    CHECK(o.access_times == AccessTimes::never);
    const auto again = start({"/d", "/m", "-o", "rw,remount,user_id=0"}, {.helper = true});
    CHECK(again.code == 0);
    CHECK(again.options.listed == "rw,remount,user_id=0");
    CHECK(start({"/d", "/m", "-o", "remount", "-o", "ro"}).options.listed == "remount,ro");
    CHECK(start({"/d", "/m", "-o", "ro", "-o", "remount"}).options.listed == "ro,remount");
    CHECK(start({"/d", "/m", "-o", "remount,odd"}).code == cli::exit_usage);
    CHECK(start({"/d", "/m", "-o", "remount,odd"}, {.sloppy = true}).code == 0);
    CHECK(start({"/d", "/m", "-o", "odd"}, {.helper = true}).code == cli::exit_usage);
    CHECK(start({"/d", "/m", "-n"}).code == cli::exit_usage);
}

TEST_CASE("a process that replaces itself passes on every option that is not for a new volume") {
    const auto complete = [] {
        MountOptions o;
        o.volume = "/d";
        o.dir = "/m";
        REQUIRE(finish(o));
        return o;
    };
    const auto sample = [](const std::string& hint) -> std::string {
        const std::pair<const char*, const char*> samples[] = {{"", "true"},       {"SIZE", "48M"},
                                                               {"DURATION", "7s"}, {"MODE", "27"},
                                                               {"DIR", "/x"},      {"FILE", "/x"}};
        for (const auto& [of, value] : samples)
            if (hint == of) return value;
        return "7";
    };
    MountOptions rows_of;
    const std::size_t rows = option_table(rows_of).size();
    for (std::size_t i = 0; i < rows; ++i) {
        MountOptions o = complete();
        const Option row = option_table(o)[i];
        if (!row.flag.group.empty()) continue;
        CAPTURE(row.flag.names);
        REQUIRE(row.flag.target.set(sample(row.flag.target.hint)));
        const auto words = command_line(o);
        const auto [again, code] = start(words);

        CHECK(code == 0);
        CHECK(command_line(again) == words);
        const bool is_default = row.flag.names == "--xAttr" || row.flag.names == "--acl";
        CHECK((words == command_line(complete())) == is_default);
    }
}

TEST_CASE("an option of -o that contradicts a flag is refused, and one that agrees is not") {
    const auto complaint = [](std::vector<std::string> words) {
        words.insert(words.begin(), {"/d", "/m"});
        MountOptions o;
        o.listed = words.back();
        words.resize(words.size() - 2);
        const cli::Program program{.name = "x",
                                   .verbs = {{.name = "start",
                                              .arguments = arguments(o),
                                              .flags = flags(o, {}),
                                              .run = [] { return 0; }}},
                                   .default_verb = "start"};
        REQUIRE(cli::run(program, words) == 0);
        const auto merged = merge_option_list(o);
        return merged ? std::string() : merged.error().context;
    };

    CHECK(complaint({"--ro", "-o", "noATime,rw"}) ==
          "--ro contradicts 'rw' in -o; give one of them");
    CHECK(complaint({"--noATime", "-o", "relatime"}) ==
          "--noATime contradicts 'relatime' in -o; give one of them");
    CHECK(complaint({"--memCapacity=64M", "-o", "memCapacity=128M"}) ==
          "--memCapacity contradicts 'memCapacity=128M' in -o; give one of them");
    CHECK(complaint({"--ro=false", "-o", "ro"}) == "--ro contradicts 'ro' in -o; give one of them");
    CHECK(complaint({"--ro", "-o", "rw,ro"}).empty());
    CHECK(complaint({"--memCapacity=64M", "-o", "memCapacity=65536K,rw"}).empty());
    CHECK(complaint({"--ro", "-o", "noexec,noATime"}).empty());
}

TEST_CASE("within -o the last of contradicting options wins") {
    CHECK(!start({"/d", "/m", "-o", "ro,rw"}).options.read_only);
    CHECK(start({"/d", "/m", "-o", "rw,ro"}).options.read_only);
    CHECK(start({"/d", "/m", "-o", "rw", "-o", "ro"}).options.read_only);
}

TEST_CASE("every option can be listed under its own name, and no name means two options") {
    MountOptions o;
    std::vector<std::string> names;
    for (const Option& row : option_table(o)) {
        names.emplace_back(cli::long_name(row.flag));
        for (const OptionName& other : row.names) names.emplace_back(other.name);
        CHECK(!row.flag.help.empty());
    }
    std::ranges::sort(names);
    CHECK(std::ranges::adjacent_find(names) == names.end());
    for (const std::string& name : names) CHECK_MESSAGE(!find_foreign(name), name);
}

TEST_CASE("memory has its defaults, and dirty data is a part of it") {
    MountOptions o;
    REQUIRE(finish(o));
    CHECK(o.mem_bytes >= 256 << 20);
    CHECK(o.dirty_bytes == o.mem_bytes / 4);

    MountOptions wrong;
    wrong.mem_bytes = 64 << 20;
    wrong.dirty_bytes = 128 << 20;
    CHECK(finish(wrong).error().context ==
          "--dirtyCapacity 128 MiB is more than --memCapacity 64.0 MiB");
}

TEST_CASE("a log needs its folder, but a process that goes on with it does not") {
    MountOptions o;
    o.log_file = "/none/such/log";
    CHECK(finish(o).error().context ==
          "--logFile /none/such/log: the folder /none/such does not exist");
    o.takeover = 3;
    CHECK(finish(o));
    MountOptions below_a_file;
    below_a_file.log_file = "/dev/null/none/log";
    CHECK(finish(below_a_file).error().context ==
          "--logFile /dev/null/none/log: the folder /dev/null/none does not exist");
}

TEST_CASE("an access log needs its folder, and must not be inside the mount") {
    MountOptions o;
    o.dir = "/mnt/a";
    o.access_log = "/none/such/log";
    CHECK(finish(o).error().context ==
          "--accessLog /none/such/log: the folder /none/such does not exist");
    o.dir = "/tmp";
    o.access_log = "/tmp/log";
    CHECK(finish(o).error().context.starts_with("--accessLog /tmp/log is inside the mount"));
    o.dir = "/tm";
    CHECK(finish(o));
}

TEST_CASE("a user for root is refused unless root is mapped to one") {
    MountOptions o;
    o.squash.uid = 1000;
    CHECK(finish(o).error().context ==
          "--rootSquashUID has no effect without --rootSquash; add that");
    o.squash.root = true;
    CHECK(finish(o));
    MountOptions group;
    group.squash.gid = 0;
    CHECK(finish(group).error().context.starts_with("--rootSquashGID"));
}

TEST_CASE("more memory than the machine has is refused, but not a process that goes on with it") {
    MountOptions o;
    o.mem_bytes = std::uint64_t{1} << 60;
    CHECK(finish(o).error().context.find("is more than the") != std::string::npos);
    o.takeover = 3;
    CHECK(finish(o));
}

}  // namespace flexfs::options
