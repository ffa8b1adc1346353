#include "lib/conf/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "lib/base/descriptor.h"
#include "lib/base/durable.h"

namespace flexfs::conf {
namespace {

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> make_private_folders(const std::string& path) {
    struct stat attr;
    if (stat(path.c_str(), &attr) == 0) return {};
    if (path != "." && path != "/") TRY(make_private_folders(folder_of(path)));
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return fail_errno("cannot create the folder " + path);
    return {};
}

// Returns the path of the file itself: the target of a symlink unless it dangles.
std::string resolved(const std::string& path) {
    const std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr), free);
    return real ? real.get() : path;
}

Result<void> fill(Descriptor& file, std::string_view text, const std::string& path, Access access) {
    struct stat old;
    mode_t mode = access == Access::owner ? 0600 : 0644;
    if (stat(path.c_str(), &old) == 0) {
        if (access == Access::everyone) mode = old.st_mode & 07777;
        // A user who may not give files away becomes the owner of the new file.
        if (fchown(file.get(), old.st_uid, old.st_gid) != 0 && errno != EPERM)
            return fail_errno("cannot write " + path);
    }
    if (fchmod(file.get(), mode) != 0) return fail_errno("cannot write " + path);
    while (!text.empty()) {
        const ssize_t n = write(file.get(), text.data(), text.size());
        if (n < 0 && errno != EINTR) return fail_errno("cannot write " + path);
        if (n > 0) text.remove_prefix(std::size_t(n));
    }
    TRY(sync_file(file.get(), path));
    return file.close() == 0 ? Result<void>() : fail_errno("cannot write " + path);
}

std::unexpected<Error> not_replaced(const std::string& path) {
    if (errno == EBUSY)
        return explain(EBUSY, path +
                                  " cannot be replaced, because it is a mount point itself, as "
                                  "in some containers; edit it by hand");
    return fail_errno("cannot write " + path);
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return fail_errno("cannot read " + path);
    std::string text(file_bytes_max + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t n = read(file.get(), text.data() + size, text.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno("cannot read " + path);
        if (n == 0) break;
        size += std::size_t(n);
    }
    if (size > file_bytes_max) return fail(EFBIG, "cannot read " + path);
    text.resize(size);
    return text;
}

Result<void> replace_file(const std::string& name, std::string_view text, Access access) {
    const std::string path = resolved(name);
    const std::string folder = folder_of(path);
    if (access == Access::owner) TRY(make_private_folders(folder));
    std::string made = path + ".new-XXXXXX";
    Descriptor file(mkostemp(made.data(), O_CLOEXEC));
    if (!file.valid()) return not_replaced(path);
    auto filled = fill(file, text, path, access);
    if (filled && rename(made.c_str(), path.c_str()) != 0) filled = not_replaced(path);
    if (!filled) {
        unlink(made.c_str());
        return filled;
    }
    return sync_folder(folder);
}

}  // namespace flexfs::conf
