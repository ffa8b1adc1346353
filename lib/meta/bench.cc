// Measures the speed of the metadata engine: creates in batches of 16 and of one, lookups, and the
// cost of small files. Usage: meta_bench FOLDER [FILES [PAGE_BYTES [CACHE_MIB]]]
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "lib/base/check.h"
#include "lib/base/format.h"
#include "lib/meta/volume.h"

namespace flexfs::meta {
namespace {

struct Bench {
    std::unique_ptr<Volume> volume;
    std::vector<Ino> folders;
    std::vector<Ino> files;
    std::size_t batch = 16;
    Time now = 1'700'000'000'000'000'000;

    static std::string name(std::size_t i) { return fmt::format("file-{:07}", i); }

    void apply(std::vector<Call>& calls, bool keep = false) {
        for (Outcome& outcome : volume->apply(calls)) {
            if (!outcome.reply)
                std::fprintf(stderr, "%s\n", outcome.reply.error().message().c_str());
            check(outcome.reply.has_value());
            if (keep) files.push_back(std::get<wire::Entry>(*outcome.reply).attr.ino);
        }
        calls.clear();
        if (volume->log_bytes() > 64 << 20) {
            check(volume->checkpoint().has_value());
        }
    }

    // Returns how many seconds `count` calls from `make` took.
    template <class F>
    double run(std::size_t count, F make, bool keep = false) {
        const Duration start = monotonic_now();
        std::vector<Call> calls;
        for (std::size_t i = 0; i < count; ++i) {
            calls.push_back(make(i));
            if (calls.size() == batch) apply(calls, keep);
        }
        if (!calls.empty()) apply(calls, keep);
        return std::chrono::duration<double>(monotonic_now() - start).count();
    }

    // The processor time of this process, which load on the machine does not distort.
    static double processor_seconds() {
        rusage usage;
        ::getrusage(RUSAGE_SELF, &usage);
        const auto seconds = [](timeval t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
        return seconds(usage.ru_utime) + seconds(usage.ru_stime);
    }

    static void print(const char* what, std::size_t count, double wall, double processor) {
        const auto n = double(count);
        std::printf("%-34s %9zu  %9.0f/s  %6.2f us, of processor time %6.2f us\n", what, count,
                    n / wall, wall * 1e6 / n, processor * 1e6 / n);
        std::fflush(stdout);
    }

    template <class F>
    void report(const char* what, std::size_t count, F make, bool keep = false) {
        const double before = processor_seconds();
        const double seconds = run(count, make, keep);
        print(what, count, seconds, processor_seconds() - before);
    }

    Call create(Ino parent, std::size_t i, std::uint32_t mode = S_IFREG | 0644) {
        now += 1000;
        return {
            0, 0,
            wire::Make{
                .parent = parent, .name = name(i), .mode = mode, .now = now, .who = {1000, 1000}}};
    }
};

std::uint64_t database_bytes(const std::string& folder) {
    return std::filesystem::file_size(folder + "/meta.db");
}

// Creates files of 1 KiB and then commits their data.
void fill(Bench& bench, std::size_t count, const std::string& folder) {
    const std::size_t folders = bench.folders.size();
    const std::size_t tenth = count / 10;
    for (std::size_t part = 0; part < 10; ++part) {
        bench.report(
            "create, 16 at a time", tenth,
            [&](std::size_t i) {
                const std::size_t at = part * tenth + i;
                return bench.create(bench.folders[at / 1000 % folders], at);
            },
            true);
    }
    const std::string data(1024, 'x');
    bench.report("commit 1 KiB inline, 16 at a time", bench.files.size(), [&](std::size_t i) {
        wire::Commit commit{.now = bench.now += 1000};
        commit.inodes.push_back({.ino = bench.files[i],
                                 .size = 1024,
                                 .mtime = bench.now,
                                 .set_inline = true,
                                 .inline_data = Buffer::copy_of(data)});
        return Call{0, 0, std::move(commit)};
    });
    check(bench.volume->truncate_log().has_value());
    const auto files = double(bench.files.size());
    std::printf("database: %.1f bytes per file without its 1 KiB of data\n",
                double(database_bytes(folder)) / files - 1024);
}

void look_up(Bench& bench, std::mt19937_64& random) {
    const std::size_t folders = bench.folders.size();
    const std::size_t lookups = 500'000;
    for (const bool with_data : {false, true}) {
        const Duration start = monotonic_now();
        const double before = Bench::processor_seconds();
        for (std::size_t i = 0; i < lookups; ++i) {
            const std::size_t at = random() % bench.files.size();
            const wire::Lookup request{bench.folders[at / 1000 % folders], Bench::name(at)};
            check(bench.volume->read(request, with_data).has_value());
            if (i % 16 == 15) bench.volume->end_reads();
        }
        const double seconds = std::chrono::duration<double>(monotonic_now() - start).count();
        Bench::print(with_data ? "lookup with data" : "lookup", lookups, seconds,
                     Bench::processor_seconds() - before);
    }
}

// Executes each call as a batch of its own, as for a single busy client.
void change_one_by_one(Bench& bench, std::size_t count, std::mt19937_64& random) {
    const std::size_t folders = bench.folders.size();
    bench.batch = 1;
    const auto before = bench.volume->log_frames();
    bench.report("create, one at a time", 100'000, [&](std::size_t i) {
        return bench.create(bench.folders[i / 1000 % folders], count + i);
    });
    std::printf("pages logged per create: %.2f\n",
                double(bench.volume->log_frames() - before) / 1e5);
    bench.report("setattr, one at a time", 100'000, [&](std::size_t) {
        return Call{0, 0,
                    wire::SetAttr{.ino = bench.files[random() % bench.files.size()],
                                  .mask = wire::set_mode,
                                  .now = bench.now += 1000}};
    });
    bench.report("rename, one at a time", 100'000, [&](std::size_t i) {
        const Ino parent = bench.folders[i / 1000 % folders];
        return Call{0, 0,
                    wire::Rename{.parent = parent,
                                 .name = Bench::name(count + i),
                                 .new_parent = parent,
                                 .new_name = Bench::name(count + 100'000 + i),
                                 .now = bench.now += 1000}};
    });
    bench.report("unlink, one at a time", 100'000, [&](std::size_t i) {
        return Call{0, 0,
                    wire::Unlink{.parent = bench.folders[i / 1000 % folders],
                                 .name = Bench::name(count + 100'000 + i),
                                 .now = bench.now += 1000}};
    });
    bench.batch = 16;
    bench.report("unlink, 16 at a time", bench.files.size(), [&](std::size_t i) {
        return Call{0, 0,
                    wire::Unlink{.parent = bench.folders[i / 1000 % folders],
                                 .name = Bench::name(i),
                                 .now = bench.now += 1000}};
    });
}

int run(const std::string& folder, std::size_t count, std::uint32_t page_bytes, std::size_t cache) {
    std::filesystem::create_directories(folder);
    Options options{
        .path = folder + "/meta.db", .cache_bytes = cache, .page_bytes = page_bytes, .now = 1};
    auto opened = Volume::open(options);
    check(opened.has_value());
    Bench bench{std::move(*opened), {}, {}};
    bench.report(
        "mkdir, 16 at a time", std::max<std::size_t>(count / 1000, 1),
        [&](std::size_t i) { return bench.create(1, i, S_IFDIR | 0755); }, true);
    bench.folders = std::exchange(bench.files, {});

    std::mt19937_64 random(1);
    fill(bench, count, folder);
    look_up(bench, random);
    change_one_by_one(bench, count, random);
    rusage usage;
    ::getrusage(RUSAGE_SELF, &usage);
    std::printf("resident at most: %ld MiB\n", usage.ru_maxrss >> 10);
    return 0;
}

}  // namespace
}  // namespace flexfs::meta

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s FOLDER [FILES [PAGE_BYTES [CACHE_MIB]]]\n", argv[0]);
        return 2;
    }
    const auto number = [&](int at, std::size_t otherwise) {
        return argc > at ? std::strtoull(argv[at], nullptr, 10) : otherwise;
    };
    return flexfs::meta::run(argv[1], number(2, 1'000'000), std::uint32_t(number(3, 4096)),
                             number(4, 64) << 20);
}
