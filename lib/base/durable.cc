#include "lib/base/durable.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <shared_mutex>

#include "lib/base/descriptor.h"

namespace flexfs {
namespace {

// Held shared while the probe is called, so that install_sync_probe() can wait for the calls.
std::shared_mutex probing;
std::atomic<SyncProbe*> probe = nullptr;

// Returns the errno that a test wants, or 0.
int ask_probe(const std::string& path) {
    if (!probe) return 0;
    const std::shared_lock lock(probing);
    SyncProbe* const watching = probe;
    return watching ? watching->sync(path) : 0;
}

Result<void> sync_with(int (*call)(int), int fd, const std::string& path) {
    const int injected = ask_probe(path);
    if (injected != 0) errno = injected;
    if (injected == 0 && call(fd) == 0) return {};
    std::string context = fail_errno("cannot sync " + path).error().message();
    return explain(EIO, std::move(context));
}

std::string folder_of(const std::string& path) {
    std::error_code ignored;
    const auto full = std::filesystem::absolute(path, ignored).lexically_normal();
    return (full.has_filename() ? full : full.parent_path()).parent_path();
}

// Syncs the folder that holds the last part of `path`. A folder that this user may not read cannot
// be synced and is skipped: its owner made what is in it.
Result<void> sync_above(const std::string& path) {
    auto synced = sync_folder(folder_of(path));
    if (!synced && synced.error().code == EACCES) return {};
    return synced;
}

}  // namespace

Result<void> sync_data(int fd, const std::string& path) {
    return sync_with(::fdatasync, fd, path);
}

Result<void> sync_file(int fd, const std::string& path) {
    return sync_with(::fsync, fd, path);
}

Result<void> sync_folder(const std::string& path) {
    const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.valid()) return fail_errno("cannot open the folder " + path);
    return sync_file(folder.get(), path);
}

Result<void> sync_name_of(const std::string& path) {
    const std::string folder = folder_of(path);
    TRY(sync_folder(folder));
    return sync_above(folder);
}

Result<void> make_durable_folder(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return fail_errno("cannot create the folder " + path);
    return sync_above(path);
}

void install_sync_probe(SyncProbe* wanted) {
    const std::unique_lock lock(probing);
    probe = wanted;
}

}  // namespace flexfs
