"""Calls of Linux that Python's os module lacks. All raise OSError."""
import ctypes
import os
import struct
from typing import NamedTuple

_libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD = -100
AT_SYMLINK_FOLLOW = 0x400
AT_EMPTY_PATH = 0x1000


def call(name, *args):
    """Calls a function of the C library; integers are passed as 64 bits, paths and str as bytes."""
    converted = []
    for arg in args:
        if isinstance(arg, str):
            arg = os.fsencode(arg)
        converted.append(ctypes.c_int64(arg) if isinstance(arg, int) else arg)
    function = getattr(_libc, name)
    function.restype = ctypes.c_int64 if name in ("lseek", "syscall", "readahead") else ctypes.c_int
    result = function(*converted)
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


# --- names ---

RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4


def renameat2(old, new, flags):
    call("renameat2", AT_FDCWD, old, AT_FDCWD, new, flags)


def link_fd(fd, path):
    """Gives a name to an open file, as for O_TMPFILE: linkat with AT_EMPTY_PATH."""
    call("linkat", fd, b"", AT_FDCWD, path, AT_EMPTY_PATH)


def link_proc_fd(fd, path):
    """Does the same through /proc, which works without CAP_DAC_READ_SEARCH."""
    call("linkat", AT_FDCWD, f"/proc/self/fd/{fd}", AT_FDCWD, path, AT_SYMLINK_FOLLOW)


def allow_proc():
    """Gives a process that changed its user access to its own /proc/self/fd."""
    call("prctl", 4, 1, 0, 0, 0)  # PR_SET_DUMPABLE


# --- space ---

FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE = 0x01, 0x02
FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_ZERO_RANGE = 0x08, 0x10
FALLOC_FL_INSERT_RANGE, FALLOC_FL_UNSHARE_RANGE = 0x20, 0x40


def fallocate(fd, mode, offset, size):
    call("fallocate", fd, mode, offset, size)


def punch(fd, offset, size):
    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size)


# --- attributes ---

STATX_MODE, STATX_BTIME, STATX_BASIC_STATS = 0x2, 0x800, 0x7ff
_STATX = struct.Struct("=IIQIIIHxxQQQQ")  # up to stx_attributes_mask
_STATX_TIME = struct.Struct("=qIi")


class Statx(NamedTuple):
    mask: int
    blksize: int
    attributes: int
    nlink: int
    uid: int
    gid: int
    mode: int
    ino: int
    size: int
    blocks: int
    attributes_mask: int
    atime_ns: int
    btime_ns: int
    ctime_ns: int
    mtime_ns: int


def statx(path, follow=True, fd=AT_FDCWD, mask=STATX_BASIC_STATS | STATX_BTIME):
    buffer = ctypes.create_string_buffer(256)
    flags = (0 if follow else 0x100) | (AT_EMPTY_PATH if fd >= 0 else 0)
    call("statx", fd, path, flags, mask, buffer)
    times = []
    for n in range(4):
        seconds, nanoseconds, _ = _STATX_TIME.unpack_from(buffer, 0x40 + 16 * n)
        times.append(seconds * 10**9 + nanoseconds)
    return Statx(*_STATX.unpack_from(buffer), *times)


def statx_fd(fd):
    return statx(b"", fd=fd)


UTIME_NOW, UTIME_OMIT = (1 << 30) - 1, (1 << 30) - 2


def utimensat(path, atime, mtime, flags=0):
    """Sets times, each (seconds, nanoseconds or UTIME_NOW or UTIME_OMIT)."""
    call("utimensat", AT_FDCWD, path, struct.pack("=qqqq", *atime, *mtime), flags)


# --- flags of files; see ioctl_iflags(2) ---

FS_IOC_GETFLAGS, FS_IOC_SETFLAGS = 0x80086601, 0x40086602
FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR = 0x801c581f, 0x401c5820
FS_IMMUTABLE_FL, FS_APPEND_FL, FS_NODUMP_FL, FS_NOATIME_FL = 0x10, 0x20, 0x40, 0x80
FS_XFLAG_IMMUTABLE, FS_XFLAG_APPEND, FS_XFLAG_NOATIME, FS_XFLAG_NODUMP = 0x8, 0x10, 0x40, 0x80

# --- handles ---

MAX_HANDLE_SZ = 128


class Handle(NamedTuple):
    """The result of name_to_handle_at: the bytes that an NFS server would send."""
    kind: int
    data: bytes


def name_to_handle(path, flags=0):
    return handle_and_mount(path, flags)[0]


def handle_and_mount(path, flags=0, room=MAX_HANDLE_SZ):
    buffer = ctypes.create_string_buffer(struct.pack("=Ii", room, 0), 8 + MAX_HANDLE_SZ)
    mount = ctypes.c_int()
    call("name_to_handle_at", AT_FDCWD, path, buffer, ctypes.byref(mount), flags)
    size, kind = struct.unpack_from("=Ii", buffer)
    return Handle(kind, buffer.raw[8:8 + size]), mount.value


def open_by_handle(mount_fd, handle, flags):
    buffer = struct.pack("=Ii", len(handle.data), handle.kind) + handle.data
    return call("open_by_handle_at", mount_fd, buffer, flags | os.O_CLOEXEC)


# --- locks; struct flock of 64-bit machines ---

F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW = 36, 37, 38
_FLOCK = struct.Struct("=hhxxxxqqixxxx")


def flock_struct(kind, start=0, size=0, whence=os.SEEK_SET, pid=0):
    return _FLOCK.pack(kind, whence, start, size, pid)


def flock_fields(data):
    """Returns (kind, whence, start, size, pid)."""
    return _FLOCK.unpack(data)


def lock_calls():
    """Returns the numbers of fcntl and flock in /proc/PID/syscall."""
    return ("72", "73") if os.uname().machine == "x86_64" else ("25", "32")


# --- directories ---

class _Dirent(ctypes.Structure):
    _fields_ = [("ino", ctypes.c_uint64), ("off", ctypes.c_int64), ("reclen", ctypes.c_uint16),
                ("kind", ctypes.c_uint8), ("name", ctypes.c_char * 256)]


class Entry(NamedTuple):
    name: bytes
    ino: int
    kind: int


class Directory:
    """opendir and its family, as C has them."""

    _libc.opendir.restype = _libc.fdopendir.restype = ctypes.c_void_p
    _libc.readdir.restype = ctypes.POINTER(_Dirent)
    _libc.readdir.argtypes = _libc.closedir.argtypes = _libc.telldir.argtypes = [ctypes.c_void_p]
    _libc.rewinddir.argtypes = _libc.dirfd.argtypes = [ctypes.c_void_p]
    _libc.rewinddir.restype = None
    _libc.telldir.restype = ctypes.c_long
    _libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
    _libc.seekdir.restype = None

    def __init__(self, path):
        self._stream = _libc.opendir(os.fsencode(path))
        if not self._stream:
            raise OSError(ctypes.get_errno(), "opendir")

    def read(self):
        """Returns the next Entry; None at the end."""
        ctypes.set_errno(0)
        found = _libc.readdir(self._stream)
        if found:
            return Entry(found.contents.name, found.contents.ino, found.contents.kind)
        if ctypes.get_errno():
            raise OSError(ctypes.get_errno(), "readdir")
        return None

    def rest(self):
        return list(iter(self.read, None))

    def tell(self):
        return _libc.telldir(self._stream)

    def seek(self, place):
        _libc.seekdir(self._stream, place)

    def rewind(self):
        _libc.rewinddir(self._stream)

    def fileno(self):
        return _libc.dirfd(self._stream)

    def close(self):
        _libc.closedir(self._stream)
