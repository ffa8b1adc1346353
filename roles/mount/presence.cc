#include "roles/mount/presence.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <thread>

#include "lib/base/format.h"
#include "lib/base/home.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/base/time.h"
#include "lib/fuse/mountpoint.h"

namespace flexfs::mount {
namespace {

// The longest that a mount which was unmounted is waited for, and how often it is looked at.
constexpr Duration turn_patience = std::chrono::minutes(1);
constexpr Duration turn_pause = std::chrono::milliseconds(50);

// A mount point as one file name: "/mnt/a-b" becomes "mnt-a%2Db".
std::string file_name(const std::string& mount_point) {
    std::string name;
    for (char c : mount_point.substr(1)) {
        if (c == '/') name += '-';
        else if (c == '-' || c == '%')
            name += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        else name += c;
    }
    return name.empty() ? "%2F" : name;
}

std::string as_line(const std::string& text) {
    return escape_octal(text, "\n") + "\n";
}

// A lock file's line `number`, from 0; empty where it has none.
std::string line_of(const std::string& path, int number) {
    std::ifstream file(path);
    std::string line;
    for (int i = 0; i <= number; ++i)
        if (!std::getline(file, line)) return {};
    return unescape_octal(line);
}

}  // namespace

Result<LockFile> LockFile::take(const std::string& path, const std::string& mount_point) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) return fail_errno("lock file " + path);
    LockFile lock(descriptor, mount_point);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0)
        return fail(errno == EWOULDBLOCK ? EBUSY : errno, path);
    TRY(lock.write(fmt::format("{}\n{}", ::getpid(), as_line(mount_point))));
    return lock;
}

Result<LockFile> LockFile::take_in_turn(const std::string& path, const std::string& mount_point) {
    const Duration began = monotonic_now();
    for (bool told = false;; told = true) {
        auto lock = take(path, mount_point);
        if (lock || lock.error().code != EBUSY) return lock;
        const auto holder = lock_holder(path);
        if (!holder) continue;  // gone just now
        if (fuse::is_mounted(holder->mount_point) || monotonic_now() - began > turn_patience)
            return lock;
        if (!told)
            log::info("waiting for process {} to end its mount on {}", holder->pid,
                      holder->mount_point);
        std::this_thread::sleep_for(turn_pause);
    }
}

LockFile::~LockFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

void LockFile::complain(const std::string& sentence) {
    // Who reads it has a log to look into, too.
    (void)write(fmt::format("{}\n{}{}", ::getpid(), as_line(mount_point_), as_line(sentence)));
}

Result<void> LockFile::write(const std::string& text) {
    // Over the old text first, and a full disk is no reason to fail: the lock is what counts.
    const ssize_t written = ::pwrite(descriptor_, text.data(), text.size(), 0);
    if ((written < 0 && errno != ENOSPC) ||
        ::ftruncate(descriptor_, written < 0 ? 0 : off_t(written)) != 0)
        return fail_errno("writing a lock file");
    return {};
}

std::optional<Holder> lock_holder(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return {};
    const bool held = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0;
    ::close(descriptor);
    if (!held) return {};
    const std::string first = line_of(path, 0);
    Holder holder{0, line_of(path, 1)};
    std::from_chars(first.data(), first.data() + first.size(), holder.pid);
    return holder;
}

std::string last_mount_point(const std::string& path) {
    return line_of(path, 1);
}

std::string last_words(const std::string& path) {
    return line_of(path, 2);
}

Result<Presence> presence_of(const std::string& mount_point) {
    const std::string folder = flexfs_home() + "/mount/run";
    TRY(make_private_folder(folder));
    std::string name = file_name(mount_point);
    // A socket's path has room for 107 bytes; a long one is told apart by a hash of all of it.
    if (folder.size() + name.size() > 95)
        name = fmt::format("{:016x}", std::hash<std::string>()(mount_point));
    const std::string base = folder + "/" + name;
    return Presence{base + ".lock", base + ".socket",
                    flexfs_home() + "/mount/log/" + name + ".log"};
}

std::string absolute_path(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code problem;
    fs::path given = fs::absolute(path, problem).lexically_normal();
    if (!given.has_filename()) given = given.parent_path();
    // The last part may be a mount that does not answer: readlink(2) tells without asking it
    // whether it is a link, as lstat(2) would not.
    char target;
    if (::readlink(given.c_str(), &target, 1) >= 0) {
        const fs::path there = fs::canonical(given, problem);
        if (!problem) return there.string();
    }
    const fs::path above = fs::canonical(given.parent_path(), problem);
    return problem ? given.string() : (above / given.filename()).string();
}

}  // namespace flexfs::mount
