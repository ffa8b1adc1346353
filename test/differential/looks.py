"""The look of an object: everything about it that is compared between the two sides."""
import os
import stat
import zlib

import kernel

STAT, CONTENT, XATTRS, PARENT = 1, 2, 4, 8
WHOLE = 256 << 10  # files up to this size are read completely
WINDOW = 32 << 10  # this much of larger files, before and after each of FAR and the end
FAR = (0, 1 << 16, 1 << 20, 4 << 20, 16 << 20, 1 << 30, 1 << 32, 1 << 40, 1 << 43)


class Looker:
    """Inspects objects as root; with `birth`, also their birth times."""

    def __init__(self, birth):
        self.birth = birth
        self.handles = os.open("/proc/self/fd", os.O_PATH)

    def path(self, path, folder, what):
        """Returns (attributes, identity and times, the rest), or an errno."""
        try:
            seen = os.stat(path, dir_fd=folder, follow_symlinks=False)
            more = self._more(kernel.AT_FDCWD if folder is None else folder, path)
            return self._told(seen, more, what, lambda flags: os.open(
                path, flags | os.O_NONBLOCK | os.O_NOFOLLOW, dir_fd=folder), path, folder)
        except OSError as problem:
            return problem.errno

    def handle(self, fd, what):
        try:
            seen = os.fstat(fd)
            return self._told(seen, self._more(fd, b""), what, lambda flags: os.open(
                str(fd), flags | os.O_NONBLOCK, dir_fd=self.handles), None, None)
        except OSError as problem:
            return problem.errno

    def _more(self, folder, path):
        born = kernel.birth_time(folder, path, False) if self.birth else 0
        return born, kernel.identity(folder, path)

    def _told(self, seen, more, what, opened, path, folder):
        mode, rest = seen.st_mode, None
        folder_like = stat.S_ISDIR(mode)
        told = (mode, seen.st_nlink, seen.st_uid, seen.st_gid, 0 if folder_like else seen.st_size,
                seen.st_rdev)
        moving = (more[1] or seen.st_ino, seen.st_blocks, seen.st_atime_ns, seen.st_mtime_ns,
                  seen.st_ctime_ns, more[0])
        if what & (CONTENT | XATTRS):
            rest = self._rest(mode, seen.st_size, what, opened, path, folder)
        return told, moving, rest

    def _rest(self, mode, size, what, opened, path, folder):
        if stat.S_ISLNK(mode):
            # The handle of a symlink is one of O_PATH, and has no path to read the target by.
            return None if path is None else (os.readlink(path, dir_fd=folder), ())
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            return None
        try:
            fd = opened(os.O_RDONLY | os.O_NOATIME)
        except OSError as problem:
            return problem.errno
        try:
            content = xattrs = ()
            if what & CONTENT:
                content = sorted(os.listdir(fd)) if stat.S_ISDIR(mode) else file_sum(fd, size)
            if what & XATTRS:
                xattrs = [(name, os.getxattr(fd, name)) for name in sorted(os.listxattr(fd))]
            return content, xattrs
        finally:
            os.close(fd)


def file_sum(fd, size):
    """Returns a checksum of the content, or of parts of a large file."""
    if size <= WHOLE:
        data = os.pread(fd, WHOLE, 0)
        return len(data), zlib.crc32(data)
    sums = [(0, zlib.crc32(os.pread(fd, WHOLE, 0)))]
    for middle in (*FAR, size):
        start = max(middle - WINDOW, 0)
        if start < size:
            sums.append((start, zlib.crc32(os.pread(fd, 2 * WINDOW, start))))
    return sums


def tree(looker, what=STAT | CONTENT | XATTRS):
    """Returns [(path, look)] of everything below the current folder, in the order of names."""
    found, waiting = [(b".", looker.path(b".", None, what))], [b"."]
    while waiting:
        folder = waiting.pop()
        try:
            names = sorted(os.listdir(folder))
        except OSError as problem:
            found.append((folder + b"/", problem.errno))
            continue
        for name in names:
            path = folder + b"/" + name
            look = looker.path(path, None, what)
            found.append((path, look))
            if not isinstance(look, int) and stat.S_ISDIR(look[0][0]):
                waiting.append(path)
    return found
