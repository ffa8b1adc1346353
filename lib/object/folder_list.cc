// Lists a folder's objects in the order of their keys. That order is not the order of a walk
// through sorted folders: "a-b" comes before "a/b", because '-' is less than '/'. Therefore folder
// names are sorted with a '/' appended.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/object/folder.h"

namespace flexfs::object {
namespace {

class Walk {
public:
    Walk(int root, const std::string& prefix, const std::string& after, std::size_t limit)
        : root_(root), prefix_(prefix), after_(after), limit_(limit) {}

    // Adds the objects below `folder`, which is "" or "a/b/"; stops when the page is full. Returns
    // an errno or 0.
    int enter(const std::string& folder);
    Page take() && { return std::move(page_); }

private:
    bool wanted(const std::string& key) const { return key.starts_with(prefix_) && key > after_; }
    // True if a key that begins with `folder` may be wanted.
    bool may_hold_wanted(const std::string& folder) const {
        const bool below_prefix = folder.starts_with(prefix_) || prefix_.starts_with(folder);
        return below_prefix && (folder > after_ || after_.starts_with(folder));
    }
    int note(int folder_fd, const std::string& name, std::string key);

    int root_;
    const std::string& prefix_;
    const std::string& after_;
    std::size_t limit_;
    Page page_;
};

// Reads the names of a folder's files, and of its folders with a '/' appended, and sorts them.
int read_names(int fd, std::vector<std::string>& names) {
    Descriptor own(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    DIR* const entries = own.valid() ? ::fdopendir(own.get()) : nullptr;
    if (!entries) return errno;
    own.release();  // the stream owns it now
    errno = 0;
    while (const dirent* entry = ::readdir(entries)) {
        struct stat attr{};
        if (entry->d_name[0] == '.') continue;
        unsigned char type = entry->d_type;
        if (type == DT_UNKNOWN && ::fstatat(fd, entry->d_name, &attr, AT_SYMLINK_NOFOLLOW) == 0)
            type = IFTODT(attr.st_mode);
        if (type == DT_REG) names.emplace_back(entry->d_name);
        if (type == DT_DIR) names.push_back(entry->d_name + std::string("/"));
        errno = 0;
    }
    const int failed = errno;
    ::closedir(entries);
    std::ranges::sort(names);
    return failed;
}

int Walk::note(int folder_fd, const std::string& name, std::string key) {
    page_.more = page_.objects.size() == limit_;
    if (page_.more) return 0;
    struct stat attr;
    if (::fstatat(folder_fd, name.c_str(), &attr, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : errno;  // removed meanwhile
    const Time modified = attr.st_mtim.tv_sec * Time{1'000'000'000} + attr.st_mtim.tv_nsec;
    page_.objects.push_back({std::move(key), std::uint64_t(attr.st_size), modified});
    return 0;
}

int Walk::enter(const std::string& folder) {
    const Descriptor fd(
        ::openat(root_, folder.empty() ? "." : folder.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
    if (!fd.valid()) return errno == ENOENT ? 0 : errno;
    std::vector<std::string> names;
    int failed = read_names(fd.get(), names);
    for (const std::string& name : names) {
        if (failed != 0 || page_.more) break;
        std::string path = folder + name;
        if (path.size() > key_bytes_max) continue;  // not an object of a store
        if (name.back() == '/') {
            if (may_hold_wanted(path)) failed = enter(path);
        } else if (wanted(path)) {
            failed = note(fd.get(), name, std::move(path));
        }
    }
    return failed;
}

}  // namespace

Result<Page> Folder::list(const std::string& prefix, const std::string& after,
                          std::size_t limit) const {
    Walk walk(root_.get(), prefix, after, std::clamp(limit, std::size_t{1}, list_limit_max));
    errno = walk.enter("");
    if (errno != 0) return fault("list", prefix);
    return std::move(walk).take();
}

}  // namespace flexfs::object
