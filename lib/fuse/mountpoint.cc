#include "lib/fuse/mountpoint.h"

#define FUSE_USE_VERSION 314
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <filesystem>
#include <fstream>
#include <vector>

#include "lib/base/descriptor.h"
#include "lib/base/format.h"
#include "lib/fuse/protocol.h"
#include "lib/process/mount_table.h"

namespace flexfs::fuse {
namespace {

// libfuse reports the reason of a failure only in its log.
thread_local std::string last_words;

void remember(fuse_log_level, const char* format, va_list arguments) {
    char line[512];
    std::vsnprintf(line, sizeof line, format, arguments);
    last_words = line;
    while (last_words.ends_with('\n')) last_words.pop_back();
}

std::string option_list(const MountpointOptions& options) {
    std::string list = fmt::format("default_permissions,subtype=flexfs,fsname={},max_read={}",
                                   options.source, data_bytes_max);
    // Root may mount with everything that a local filesystem allows; fusermount3 decides for
    // others.
    if (::geteuid() == 0) list += ",allow_other";
    list += options.no_dev ? ",nodev" : ::geteuid() == 0 ? ",dev" : "";
    list += options.no_suid ? ",nosuid" : ::geteuid() == 0 ? ",suid" : "";
    if (options.no_exec) list += ",noexec";
    if (options.no_atime) list += ",noatime";
    if (options.read_only) list += ",ro";
    return list;
}

// An unescaped comma or backslash in the source would end it in the option list.
std::string escaped(const std::string& text) {
    std::string out;
    for (char c : text) {
        if (c == ',' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

std::string cannot_mount(const std::string& folder, int code) {
    return fmt::format("cannot mount on {}: {}", folder,
                       last_words.empty() ? Error{code, {}}.message() : last_words);
}

// Returns the reason why libfuse could not mount.
std::unexpected<Error> not_mounted(const std::string& folder, int code) {
    if (::access("/dev/fuse", F_OK) != 0)
        return explain(ENODEV,
                       "this system has no /dev/fuse; load the kernel's module with `modprobe "
                       "fuse`, or give the container the device (`--device /dev/fuse`)");
    const Descriptor device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
    if (!device.valid() && (errno == EACCES || errno == EPERM))
        return explain(errno,
                       "this process may not open /dev/fuse; a container needs `--device /dev/fuse "
                       "--cap-add SYS_ADMIN`, and a user read and write permission");
    if (last_words.empty() && ::geteuid() != 0)
        return explain(EPERM, fmt::format("cannot mount on {}: fusermount3 refused it; its reason "
                                          "is in the log",
                                          folder));
    return explain(code, cannot_mount(folder, code));
}

// libfuse cannot pass the option on, and only root may set it afterwards. It has no effect on the
// access times, which are kept by the filesystem; it is what the mount table shows.
void show_strict_atime(const std::string& folder) {
    mount_attr change{};
    change.attr_set = MOUNT_ATTR_STRICTATIME;
    change.attr_clr = MOUNT_ATTR__ATIME;
    ::mount_setattr(AT_FDCWD, folder.c_str(), AT_SYMLINK_NOFOLLOW, &change, sizeof change);
}

}  // namespace

Result<void> Mountpoint::check(const std::string& folder, const MountpointOptions& options) {
    if (is_stale(folder)) TRY(unmount(folder, true));
    if (process::is_mount_point(folder))
        return explain(EBUSY,
                       fmt::format("something is mounted on {} already; unmount it first", folder));
    struct stat here;
    if (::stat(folder.c_str(), &here) != 0) {
        if (errno == ENOENT)
            return explain(
                ENOENT,
                fmt::format("the mount point {0} does not exist; make it first, with `mkdir {0}`",
                            folder));
        return fail_errno("cannot use the mount point " + folder);
    }
    if (!S_ISDIR(here.st_mode))
        return explain(ENOTDIR, fmt::format("the mount point {} is not a folder", folder));
    if (::geteuid() != 0 && ::access(folder.c_str(), W_OK) != 0)
        return explain(EACCES, fmt::format("this user may not write in the mount point {}, as "
                                           "mounting requires; give a folder of your own",
                                           folder));
    std::error_code problem;
    const bool empty = std::filesystem::is_empty(folder, problem);
    if (problem) return fail(problem.value(), "cannot read the mount point " + folder);
    if (!empty && !options.non_empty)
        return explain(
            ENOTEMPTY,
            fmt::format("the mount point {} holds files, which the mount would hide; give an empty "
                        "folder, or --nonEmpty",
                        folder));
    return {};
}

Result<Mountpoint> Mountpoint::mount(const std::string& folder, const MountpointOptions& options) {
    TRY(check(folder, options));
    fuse_set_log_func(remember);
    MountpointOptions shown = options;
    shown.source = escaped(options.source);
    const std::string list = option_list(shown);
    const char* arguments[] = {"flexfs", "-o", list.c_str()};
    fuse_args args = FUSE_ARGS_INIT(3, const_cast<char**>(arguments));
    const fuse_lowlevel_ops none{};
    last_words.clear();

    fuse_session* session = fuse_session_new(&args, &none, sizeof none, nullptr);
    fuse_opt_free_args(&args);
    if (!session) return explain(EINVAL, cannot_mount(folder, EINVAL));
    errno = 0;
    if (fuse_session_mount(session, folder.c_str()) != 0) {
        const int code = errno ? errno : EIO;
        fuse_session_destroy(session);
        return not_mounted(folder, code);
    }
    // The session was only needed to mount; its descriptor is closed with it, the duplicate stays.
    const int descriptor = ::fcntl(fuse_session_fd(session), F_DUPFD_CLOEXEC, 0);
    const int code = errno;
    fuse_session_destroy(session);
    if (descriptor < 0) {
        (void)unmount(folder, true);
        return fail(code, "cannot mount on " + folder);
    }
    ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    if (options.strict_atime) show_strict_atime(folder);
    return Mountpoint(folder, descriptor);
}

void Mountpoint::detach() {
    (void)unmount(folder_, true);  // it may already be unmounted
}

namespace {

// Returns everything that the program writes to standard error, and its exit code; 127 if it has
// none.
struct Said {
    std::string words;
    int code = 127;
};
Result<Said> run(std::vector<const char*> words) {
    words.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(fmt::format("cannot run {}", words[0]));
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        ::execvp(words[0], const_cast<char* const*>(words.data()));
        ::_exit(127);
    }
    ::close(ends[1]);
    Said said;
    if (child > 0) {
        char buffer[512];
        for (ssize_t size; (size = ::read(ends[0], buffer, sizeof buffer)) > 0;)
            said.words.append(buffer, std::size_t(size));
        int status = 0;
        ::waitpid(child, &status, 0);
        if (WIFEXITED(status)) said.code = WEXITSTATUS(status);
    }
    ::close(ends[0]);
    if (child < 0) return fail(EAGAIN, fmt::format("cannot run {}", words[0]));
    while (said.words.ends_with('\n')) said.words.pop_back();
    return said;
}

}  // namespace

Result<void> unmount(const std::string& folder, bool lazy) {
    if (::umount2(folder.c_str(), UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0) return {};
    // Another program may have unmounted it a moment before.
    if (errno == EINVAL && !process::is_mount_point(folder)) return {};
    if (errno != EPERM) return fail_errno("cannot unmount " + folder);

    // fusermount3 gives its reason only as text; in the C locale it can be recognized.
    TRY(const Said said,
        run({"env", "LC_ALL=C", "fusermount3", lazy ? "-uz" : "-u", "--", folder.c_str()}));
    if (said.code == 0) return {};
    if (said.code == 127)
        return explain(EPERM, fmt::format("{} can be unmounted by root only: there is no "
                                          "fusermount3",
                                          folder));
    const bool busy = said.words.find(strerrordesc_np(EBUSY)) != std::string::npos;
    return explain(busy ? EBUSY : EPERM, fmt::format("cannot unmount {}: {}", folder, said.words));
}

bool is_stale(const std::string& folder) {
    // The kernel's cache may answer a stat() after the process has gone; it never answers this.
    struct statfs space;
    return ::statfs(folder.c_str(), &space) != 0 && errno == ENOTCONN;
}

void set_readahead(const std::string& folder) {
    struct stat attr;
    if (::stat(folder.c_str(), &attr) != 0) return;
    std::ofstream(
        fmt::format("/sys/class/bdi/{}:{}/read_ahead_kb", major(attr.st_dev), minor(attr.st_dev)))
        << readahead_bytes / 1024;
}

}  // namespace flexfs::fuse
