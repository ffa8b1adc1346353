// A disk that loses at a power cut what was not synced. Included once in a program, because it
// replaces fsync() and fdatasync(), which SQLite calls, too.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <map>
#include <mutex>

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
        std::filesystem::remove_all(last);
        f.open();
    }
    // How often a file of the volume, such as "meta.db", was synced.
    int syncs(const std::string& name) const {
        const std::lock_guard lock(mutex);
        const auto found = syncs_.find(name);
        return found == syncs_.end() ? 0 : found->second;
    }

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
        if (installed && installed->keep(fd)) return 0;
        return int(::syscall(call, fd));
    }

private:
    bool keep(int fd) {
        std::error_code unknown;
        const auto file =
            std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", fd), unknown);
        if (unknown || file.parent_path() != folder_) return false;
        // It may be removed at the same time.
        std::error_code removed;
        const auto overwrite = std::filesystem::copy_options::overwrite_existing;
        std::filesystem::copy_file(file, kept_ / file.filename(), overwrite, removed);
        ++syncs_[file.filename()];
        return true;
    }

    inline static std::mutex mutex;  // of everything here: files are synced in the pool
    inline static Disk* installed = nullptr;

    std::filesystem::path folder_, kept_;
    std::map<std::string, int> syncs_;
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
