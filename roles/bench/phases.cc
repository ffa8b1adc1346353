#include "roles/bench/phases.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "lib/base/format.h"
#include "lib/base/text.h"
#include "roles/bench/files.h"

namespace flexfs::bench {
namespace {

using Work = std::function<Result<void>(unsigned, Meter&)>;

// Returns a worker's part of `total`: the shares are equal, and the first workers get the
// remainder.
std::uint64_t share(std::uint64_t total, unsigned workers, unsigned worker) {
    return total / workers + (worker < total % workers);
}

struct Job {
    const Scratch& scratch;
    unsigned threads;

    std::string file(unsigned worker, std::string_view kind, std::uint64_t i) const {
        return fmt::format("{}/{}{}", scratch.folder(worker), kind, i);
    }

    // Does the operation on each of the worker's files of a kind, and counts one for each.
    Work each_file(std::uint64_t total, std::string kind,
                   std::function<Result<void>(const std::string& path)> operation) const {
        return [=, *this](unsigned worker, Meter& meter) -> Result<void> {
            const std::uint64_t mine = share(total, threads, worker);
            for (std::uint64_t i = 0; i < mine; ++i) {
                TRY(meter.go_on());
                TRY(operation(file(worker, kind, i)));
                meter.add(1);
            }
            return {};
        };
    }
};

// Each worker has one large file.

Work write_large(Job job, std::uint64_t chunks) {
    return [=](unsigned worker, Meter& meter) -> Result<void> {
        Data data(worker);
        TRY(File file, File::open(job.file(worker, "large", 0), O_CREAT | O_EXCL | O_WRONLY));
        for (std::uint64_t i = 0; i < share(chunks, job.threads, worker); ++i) {
            TRY(meter.go_on());
            TRY(file.write(data.chunk(i)));
            meter.add(chunk_bytes);
        }
        TRY(file.sync());
        return file.close();
    };
}

Work read_large(Job job, std::uint64_t chunks) {
    return [=](unsigned worker, Meter& meter) -> Result<void> {
        const std::string path = job.file(worker, "large", 0);
        TRY(File file, File::open(path, O_RDONLY));
        file.forget();
        std::vector<std::byte> bytes(chunk_bytes);
        for (std::uint64_t i = 0; i < share(chunks, job.threads, worker); ++i) {
            TRY(meter.go_on());
            TRY(file.read_at(i * chunk_bytes, bytes));
            TRY(Data::verify(bytes, i * (chunk_bytes / page_bytes), path));
            meter.add(chunk_bytes);
        }
        return file.close();
    };
}

Work read_randomly(Job job, std::uint64_t chunks, std::uint64_t reads) {
    return [=](unsigned worker, Meter& meter) -> Result<void> {
        const std::string path = job.file(worker, "large", 0);
        TRY(File file, File::open(path, O_RDONLY));
        file.forget();
        std::mt19937_64 random(worker);
        const std::uint64_t pages = share(chunks, job.threads, worker) * (chunk_bytes / page_bytes);
        const Duration end = monotonic_now() + random_reads_max;
        std::vector<std::byte> bytes(page_bytes);
        for (std::uint64_t i = 0; pages > 0 && i < share(reads, job.threads, worker); ++i) {
            TRY(meter.go_on());
            if (monotonic_now() > end) break;
            const std::uint64_t page = random() % pages;
            TRY(file.read_at(page * page_bytes, bytes));
            TRY(Data::verify(bytes, page, path));
            meter.add(1);
        }
        TRY(file.close());
        if (unlink(path.c_str()) != 0) return fail_errno("unlink " + path);
        return {};
    };
}

void add_large(std::vector<Phase>& phases, Job job, std::uint64_t bytes) {
    const std::uint64_t chunks = bytes / chunk_bytes;
    if (chunks < job.threads) return;
    const std::uint64_t total = chunks * chunk_bytes;
    const std::uint64_t reads = std::min<std::uint64_t>(total / page_bytes, 65536);
    phases.push_back(
        {"large write", cli::Unit::bytes, chunk_bytes, total, write_large(job, chunks)});
    phases.push_back({"large read", cli::Unit::bytes, chunk_bytes, total, read_large(job, chunks)});
    phases.push_back(
        {"random read", cli::Unit::count, page_bytes, reads, read_randomly(job, chunks, reads)});
}

Result<void> make_file(const std::string& path, ByteView bytes, bool sync) {
    TRY(File file, File::open(path, O_CREAT | O_EXCL | O_WRONLY));
    TRY(file.write(bytes));
    if (sync) TRY(file.sync());
    return file.close();
}

Result<void> read_file(const std::string& path, ByteView expected) {
    TRY(File file, File::open(path, O_RDONLY));
    std::vector<std::byte> bytes(expected.size());
    TRY(file.read_at(0, bytes));
    if (!std::ranges::equal(bytes, expected))
        return fail(EIO, path + ": read other bytes than were written");
    return file.close();
}

Result<void> unlink_file(const std::string& path) {
    if (unlink(path.c_str()) != 0) return fail_errno("unlink " + path);
    return {};
}

void add_small(std::vector<Phase>& phases, Job job, std::uint64_t files, std::uint64_t bytes) {
    if (files == 0) return;
    const auto data = std::make_shared<Data>(bytes);
    const auto content = [data, bytes] { return data->small(bytes); };
    const std::uint64_t synced = std::min(files, synced_files_max);
    const std::string size = format_size(bytes);
    const auto phase = [&](std::string_view name, std::uint64_t total, Work work) {
        phases.push_back(
            {fmt::format("{} {}", size, name), cli::Unit::count, bytes, total, std::move(work)});
    };
    const std::string kind = fmt::format("small{}-", bytes),
                      other = fmt::format("synced{}-", bytes);
    phase("write", files, job.each_file(files, kind, [=](const std::string& path) {
        return make_file(path, content(), false);
    }));
    phase("write+fsync", synced, job.each_file(synced, other, [=](const std::string& path) {
        return make_file(path, content(), true);
    }));
    phase("read", files, job.each_file(files, kind, [=](const std::string& path) {
        return read_file(path, content());
    }));
    phases.push_back({fmt::format("{} remove", size), cli::Unit::count, 0, files + synced,
                      [=](unsigned worker, Meter& meter) -> Result<void> {
                          TRY(job.each_file(files, kind, unlink_file)(worker, meter));
                          return job.each_file(synced, other, unlink_file)(worker, meter);
                      }});
}

// Metadata is measured with empty files, in a folder for each worker.

Result<void> stat_file(const std::string& path) {
    struct stat attr;
    if (stat(path.c_str(), &attr) != 0) return fail_errno("stat " + path);
    return {};
}

Result<void> rename_file(const std::string& path) {
    const std::string to = path + "r";
    if (rename(path.c_str(), to.c_str()) != 0) return fail_errno("rename " + path);
    return {};
}

Result<void> list_folder(const std::string& path, std::uint64_t entries, Meter& meter) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
    if (!folder) return fail_errno("opendir " + path);
    std::uint64_t seen = 0;
    errno = 0;
    while (readdir(folder.get())) {
        ++seen;
        meter.add(1);
        TRY(meter.go_on());
    }
    if (errno != 0) return fail_errno("readdir " + path);
    if (seen < entries)
        return fail(EIO, fmt::format("{} lists {} of {} entries", path, seen, entries));
    return {};
}

void add_metadata(std::vector<Phase>& phases, Job job, std::uint64_t files) {
    if (files == 0) return;
    const auto phase = [&](std::string_view name, Work work) {
        phases.push_back({std::string(name), cli::Unit::count, 0, files, std::move(work)});
    };
    phase("create", job.each_file(files, "meta", [](const std::string& path) {
        return make_file(path, {}, false);
    }));
    phase("stat", job.each_file(files, "meta", stat_file));
    phase("list", [=](unsigned worker, Meter& meter) {
        return list_folder(job.scratch.folder(worker), share(files, job.threads, worker), meter);
    });
    phase("rename", job.each_file(files, "meta", rename_file));
    phase("unlink", job.each_file(files, "meta",
                                  [](const std::string& path) { return unlink_file(path + "r"); }));
}

}  // namespace

std::vector<Phase> all_phases(const Sizes& sizes, const Scratch& scratch, unsigned threads) {
    const Job job{scratch, threads};
    std::vector<Phase> phases;
    add_large(phases, job, sizes.large_bytes);
    for (std::uint64_t bytes : sizes.small_bytes) add_small(phases, job, sizes.files, bytes);
    add_metadata(phases, job, sizes.files);
    return phases;
}

std::uint64_t bytes_needed(const Sizes& sizes) {
    std::uint64_t most = sizes.large_bytes;
    for (std::uint64_t bytes : sizes.small_bytes) {
        // A local disk allocates whole pages.
        const std::uint64_t rounded = (bytes + page_bytes - 1) / page_bytes * page_bytes;
        most = std::max(most, (sizes.files + synced_files_max) * rounded);
    }
    return most + most / 20;
}

}  // namespace flexfs::bench
