#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "lib/base/format.h"
#include "lib/cli/program.h"
#include "lib/options/option_table.h"
#include "roles/bench/files.h"
#include "roles/bench/phases.h"
#include "roles/bench/report.h"
#include "roles/bench/store_bench.h"
#include "roles/roles.h"

namespace flexfs {
namespace bench {
namespace {

struct Options {
    std::string dir;
    Sizes sizes;
    unsigned threads = 4;
    unsigned repeat = 1;
    bool json = false;
    bool cold = false;
    StoreOptions store;
};

Result<void> run_phases(const Options& options, const Scratch& scratch, unsigned threads,
                        cli::Screen screen, std::vector<Measured>& all) {
    for (const Phase& phase : all_phases(options.sizes, scratch, threads)) {
        if (options.cold) TRY(drop_kernel_caches());
        TRY(auto measured, run_phase(phase, threads, screen));
        all.push_back(std::move(measured));
    }
    return {};
}

Result<void> run_all(const Options& options, unsigned threads, cli::Screen screen,
                     std::vector<Measured>& all) {
    TRY(Scratch scratch, Scratch::make(options.dir, threads));
    auto ran = run_phases(options, scratch, threads, screen, all);
    auto removed = scratch.remove();
    if (!ran && !removed) cli::report(removed);  // of two errors, the caller reports the first
    return ran ? removed : ran;
}

Result<std::vector<Measured>> measure(const Options& options) {
    TRY(check_room(options.dir, bytes_needed(options.sizes),
                   options.sizes.files + options.threads));
    const cli::Screen screen = cli::Screen::standard_error();
    std::vector<unsigned> numbers{1};
    if (options.threads > 1) numbers.push_back(options.threads);
    std::vector<Measured> all;
    for (unsigned round = 0; round < options.repeat; ++round)
        for (unsigned threads : numbers) TRY(run_all(options, threads, screen, all));
    return all;
}

int run(Options& options) {
    if (!options.store.address.empty()) {
        options.store.json = options.json;
        return measure_store(options.store);
    }
    if (options.dir.empty()) {
        fmt::print(stderr, "flexfs bench: give the folder to measure, or --store ADDRESS\n");
        return cli::exit_usage;
    }
    if (options.sizes.large_bytes == 0 && options.sizes.files == 0) {
        fmt::print(stderr,
                   "flexfs bench: --size and --files are both 0, so that there is nothing "
                   "to measure; give one of them\n");
        return cli::exit_usage;
    }
    if (options.sizes.small_bytes.empty()) options.sizes.small_bytes = {4096};
    catch_interrupts();
    const auto all = measure(options);
    if (!all && all.error().code == ECANCELED && interrupted() != 0) {
        fmt::print(stderr, "flexfs: interrupted\n");
        return 128 + interrupted();
    }
    if (!all) return cli::report(fail(all.error()));
    const cli::Table table = summary(*all);
    fmt::print("{}", options.json ? to_text(table.json()) : table.text());
    return cli::exit_success;
}

cli::Target sizes_up_to(std::vector<std::uint64_t>& into, std::uint64_t most) {
    return {"SIZE", [&into, most](std::string_view value) -> Result<void> {
                std::uint64_t bytes = 0;
                TRY(cli::size(bytes, 0, {1, most}).set(value));
                into.push_back(bytes);
                return {};
            }};
}

cli::Target parallels(std::vector<std::uint64_t>& into) {
    return {"N", [&into](std::string_view value) -> Result<void> {
                std::uint64_t number = 0;
                TRY(cli::number(number, {1, 1024}).set(value));
                into.push_back(number);
                return {};
            }};
}

std::vector<cli::Flag> store_flags(StoreOptions& store) {
    std::vector<cli::Flag> flags{
        {"--store", cli::text(store.address, "ADDRESS"),
         "measure this store itself, such as s3://BUCKET/PREFIX, instead of a folder"},
        {"--objectSize", sizes_up_to(store.sizes, object::object_bytes_max),
         "size of the objects (4KiB, 256KiB, 4MiB and 16MiB); may be given more than once"},
        {"--parallel", parallels(store.parallels),
         "requests at a time (1, 8 and 32); may be given more than once"},
        {"--time", cli::duration(store.time), "how long each measurement takes (2s)"}};
    for (cli::Flag& flag : options::store_flags(store.settings)) flags.push_back(std::move(flag));
    flags.push_back({"--credsFile", options::absolute_path_target(store.creds_file, "FILE"),
                     "file with settings and secrets, as for mount"});
    for (cli::Flag& flag : flags) flag.group = "For a store";
    return flags;
}

}  // namespace
}  // namespace bench

int role::bench(const cli::Call& call) {
    flexfs::bench::Options options;
    cli::Verb verb{
        .summary =
            "measure how fast a mount point or folder is: large files, small files and "
            "metadata, with one thread and with several; or an object store by itself",
        .arguments = {{"DIR", cli::text(options.dir, "DIR"),
                       "where to measure; everything created there is removed again", false}},
        .flags =
            {{"--threads", cli::number(options.threads, {1, 256}),
              "measure with one thread and with this number of threads (4)"},
             {"--size", cli::size(options.sizes.large_bytes),
              "total size of the large files (1GiB); 0: do not measure them"},
             {"--files", cli::number(options.sizes.files),
              "number of small files, and of empty ones (10000); 0: do not measure them"},
             {"--fileSize",
              flexfs::bench::sizes_up_to(options.sizes.small_bytes, flexfs::bench::chunk_bytes),
              "size of the small files (4KiB); if given more than once, each size is measured"},
             {"--repeat", cli::number(options.repeat, {1, 1000}),
              "measure N times and print the medians (1)"},
             {"--dropCaches", cli::sets(options.cold),
              "drop the kernel's caches before each phase (needs root)"},
             {"--json", cli::sets(options.json), "print JSON"}},
        .run = [&] { return flexfs::bench::run(options); },
        .details =
            "Only the phase 'large write', and those whose names say so, include fsync.\n"
            "Random reads are of 4 KiB and stop after ten seconds.\n"
            "The objects put into a store are removed again.\n",
    };
    for (cli::Flag& flag : flexfs::bench::store_flags(options.store))
        verb.flags.push_back(std::move(flag));
    return cli::run({.name = call.program, .verbs = {std::move(verb)}}, call.args);
}

}  // namespace flexfs
