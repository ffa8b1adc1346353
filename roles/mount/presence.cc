#include "roles/mount/presence.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>

#include "lib/base/format.h"
#include "lib/base/home.h"

namespace flexfs::mount {
namespace {

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

}  // namespace

Result<LockFile> LockFile::take(const std::string& path, const std::string& content) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) return fail_errno("lock file " + path);
    LockFile lock(descriptor);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0)
        return fail(errno == EWOULDBLOCK ? EBUSY : errno, path);
    TRY(lock.describe(content));
    return lock;
}

LockFile::~LockFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> LockFile::describe(const std::string& content) {
    const std::string text = fmt::format("{}\n{}", ::getpid(), content);
    if (::ftruncate(descriptor_, 0) != 0 ||
        ::pwrite(descriptor_, text.data(), text.size(), 0) != ssize_t(text.size()))
        return fail_errno("writing a lock file");
    return {};
}

std::optional<Holder> lock_holder(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return {};
    std::optional<Holder> holder;
    if (::flock(descriptor, LOCK_SH | LOCK_NB) != 0) {
        char text[4096];
        const ssize_t size = ::read(descriptor, text, sizeof text);
        const std::string_view content(text, size > 0 ? std::size_t(size) : 0);
        const auto line = std::min(content.find('\n'), content.size());
        holder.emplace();
        std::from_chars(content.data(), content.data() + line, holder->pid);
        if (line < content.size()) holder->rest = content.substr(line + 1);
    }
    ::close(descriptor);
    return holder;
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
