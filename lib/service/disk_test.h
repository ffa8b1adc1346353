// A disk that loses at a power cut what was not synced. Included once in a program, because it
// replaces fsync() and fdatasync(), which SQLite calls, too.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <map>
#include <mutex>

#include "lib/base/check.h"
#include "lib/service/fixture_test.h"

namespace flexfs::service {

// Keeps a copy of each of the volume's files as it was when that file was last synced. One at a
// time; it may end before the service does.
class Disk {
public:
    // The files in the folder count as synced.
    explicit Disk(const std::string& of) : folder_(of), kept_(of + "-disk") {
        copy(folder_, kept_);
        const std::lock_guard lock(mutex);
        installed = this;
    }
    ~Disk() {
        const std::lock_guard lock(mutex);
        installed = nullptr;
        std::filesystem::remove_all(kept_);
    }
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;

    // Ends the service; what was written since the last syncs is lost.
    void cut_power(Fixture& f) {
        const std::filesystem::path last = folder_.string() + "-last";
        {
            const std::lock_guard lock(mutex);
            copy(kept_, last);
        }
        f.close();
        copy(last, folder_);
        {
            const std::lock_guard lock(mutex);
            copy(last, kept_);
        }
        std::filesystem::remove_all(last);
        f.open();
    }
    // How often a file of the volume, such as "meta.db", was synced.
    int syncs(const std::string& name) const {
        const std::lock_guard lock(mutex);
        const auto found = syncs_.find(name);
        return found == syncs_.end() ? 0 : found->second;
    }

    // Every sync after the next `count` fails with EIO, until fail_none().
    void fail_after(int count) {
        const std::lock_guard lock(mutex);
        left_ = count;
    }
    void fail_none() { fail_after(never); }

    // Makes the files of a volume in `to` those of `from`.
    static void copy(const std::filesystem::path& from, const std::filesystem::path& to) {
        std::filesystem::create_directory(to);
        for (const char* name : {"meta.db", "meta.db-wal", "meta.db-calls.0", "meta.db-calls.1"}) {
            std::filesystem::remove(to / name);
            if (std::filesystem::exists(from / name))
                std::filesystem::copy_file(from / name, to / name);
        }
    }

    // Returns 0, or -1 with errno set.
    static int sync(int fd, long call) {
        const std::lock_guard lock(mutex);
        if (!installed || !installed->holds(fd)) return int(::syscall(call, fd));
        return installed->keep(fd);
    }

private:
    static constexpr int never = std::numeric_limits<int>::max();

    static std::filesystem::path file_of(int fd) {
        std::error_code unknown;
        return std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", fd), unknown);
    }
    bool holds(int fd) const { return file_of(fd).parent_path() == folder_; }
    int keep(int fd) {
        if (left_ == 0) {
            errno = EIO;
            return -1;
        }
        if (left_ != never) --left_;
        const auto file = file_of(fd);
        const auto overwrite = std::filesystem::copy_options::overwrite_existing;
        std::error_code failed;
        std::filesystem::copy_file(file, kept_ / file.filename(), overwrite, failed);
        // It may be removed at the same time.
        check(!failed || failed == std::errc::no_such_file_or_directory);
        ++syncs_[file.filename()];
        return 0;
    }

    inline static std::mutex mutex;  // of everything here: files are synced in the pool
    inline static Disk* installed = nullptr;

    std::filesystem::path folder_, kept_;
    std::map<std::string, int> syncs_;
    int left_ = never;  // syncs until they fail
};

}  // namespace flexfs::service

extern "C" {
int fsync(int fd) {
    return flexfs::service::Disk::sync(fd, SYS_fsync);
}
int fdatasync(int fd) {
    return flexfs::service::Disk::sync(fd, SYS_fdatasync);
}
}
