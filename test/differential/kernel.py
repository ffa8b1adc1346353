"""System calls that Python's os module lacks. All raise OSError, as the functions of os do."""
import ctypes
import fcntl
import os
import struct

libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW = -100, 0x1000, 0x100, 0x400
FS_IOC_GETFLAGS, FS_IOC_SETFLAGS = 0x80086601, 0x40086602
F_OFD_GETLK, F_OFD_SETLK = 36, 37
KEEP_SIZE, PUNCH, ZERO = 1, 2, 16  # FALLOC_FL_…
_FLOCK = struct.Struct("hhqqi4x")
_TIMESPECS = struct.Struct("qqqq")
_DIRENT = struct.Struct("QqHB")
_FLAGS = struct.Struct("l")
_entries = ctypes.create_string_buffer(1 << 16)
_long = ctypes.c_long


def _checked(answer):
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


def fallocate(fd, mode, offset, size):
    _checked(libc.fallocate(fd, mode, _long(offset), _long(size)))


def renameat2(old_dir, old, new_dir, new, flags):
    _checked(libc.renameat2(old_dir, old, new_dir, new, flags))


def link_fd(fd, new_dir, new):
    _checked(libc.linkat(fd, b"", new_dir, new, AT_EMPTY_PATH))


def link(old_dir, old, new_dir, new, follow):
    _checked(libc.linkat(old_dir, old, new_dir, new, AT_SYMLINK_FOLLOW if follow else 0))


def utimens(folder, path, times, follow):
    """Sets two times (seconds, nanoseconds or NOW or OMIT). Without a path `folder` is the file."""
    packed = _TIMESPECS.pack(*times[0], *times[1])
    _checked(libc.utimensat(folder, path, packed, 0 if follow else AT_SYMLINK_NOFOLLOW))


def getdents(fd, size):
    """Returns [(name, kind, offset of the next)], at most `size` bytes of them; [] at the end."""
    filled = _checked(libc.getdents64(fd, _entries, size))
    found, at, raw = [], 0, _entries.raw[:filled]
    while at < filled:
        _, following, length, kind = _DIRENT.unpack_from(raw, at)
        found.append((raw[at + 19:at + length].split(b"\0", 1)[0], kind, following))
        at += length
    return found


def get_flags(fd):
    return _FLAGS.unpack(fcntl.ioctl(fd, FS_IOC_GETFLAGS, bytes(8)))[0] & 0xffffffff


def set_flags(fd, flags):
    fcntl.ioctl(fd, FS_IOC_SETFLAGS, _FLAGS.pack(flags))


def lock(fd, command, kind, start, size):
    """Returns (kind, start, size, pid) from the kernel's answer."""
    packed = fcntl.fcntl(fd, command, _FLOCK.pack(kind, os.SEEK_SET, start, size, 0))
    kind, _, start, size, pid = _FLOCK.unpack(packed)
    return kind, start, size, pid


def syncfs(fd):
    _checked(libc.syncfs(fd))


_handle = ctypes.create_string_buffer(8 + 128)
_mount = ctypes.c_int()


def identity(fd, path):
    """Returns an id that no other file ever gets, unlike the inode number, which may be reused."""
    _handle[0:4] = (128).to_bytes(4, "little")
    if libc.name_to_handle_at(fd, path, _handle, ctypes.byref(_mount),
                              0 if path else AT_EMPTY_PATH):
        return b""
    return _handle.raw[8:8 + int.from_bytes(_handle.raw[0:4], "little")]


_statx = ctypes.create_string_buffer(256)


def birth_time(fd, path, follow):
    """Returns nanoseconds; 0 if there is no birth time. With path b"" `fd` is the file."""
    flags = (0 if follow else AT_SYMLINK_NOFOLLOW) | (0 if path else AT_EMPTY_PATH)
    _checked(libc.statx(fd, path, flags, 0x800, _statx))
    if not int.from_bytes(_statx.raw[0:4], "little") & 0x800:
        return 0
    seconds, rest = struct.unpack_from("qI", _statx.raw, 0x50)
    return seconds * 1_000_000_000 + rest
