"""The probability of each operation, and the choice of its arguments."""
import fcntl
import os
import stat
import struct

from invent import (DEVICES, MODES, SLOTS, TARGETS, inventor)
from kernel import KEEP_SIZE, PUNCH, ZERO

# --- names ---

@inventor("names", 10)
def _create(it):
    flags = it.one_of((os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDWR)) | os.O_CREAT
    for flag, share in ((os.O_EXCL, .2), (os.O_TRUNC, .15), (os.O_APPEND, .15), (os.O_DIRECT, .08),
                        (os.O_NOFOLLOW, .1), (os.O_SYNC, .03), (os.O_DSYNC, .03),
                        (os.O_DIRECTORY, .02)):
        if it.chance(share):
            flags |= flag
    path = it.new_path() if it.chance(0.6) else it.path()
    return "open", it.opened(False), path, flags, it.file_mode()


@inventor("names", 8)
def _open(it):
    flags = it.one_of((os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDWR, 3))
    for flag, share in ((os.O_TRUNC, .1), (os.O_APPEND, .1), (os.O_DIRECT, .08), (os.O_PATH, .06),
                        (os.O_NOFOLLOW, .15), (os.O_NOATIME, .08), (os.O_DIRECTORY, .03)):
        if it.chance(share):
            flags |= flag
    return "open", it.opened(False), it.path(), flags, 0


@inventor("names", 5)
def _open_folder(it):
    path = it.folder() or b"." if it.chance(0.9) else it.path()
    flags = os.O_RDONLY | os.O_DIRECTORY | (os.O_PATH if it.chance(0.1) else 0)
    return "open", it.opened(True), path, flags, 0


@inventor("names", 2, "tmpfile")
def _open_nameless(it):
    flags = os.O_TMPFILE | it.one_of((os.O_WRONLY, os.O_RDWR, os.O_RDWR, os.O_RDONLY))
    return ("open", it.opened(False), it.folder() or b".",
            flags | (os.O_EXCL if it.chance(0.2) else 0), it.file_mode())


@inventor("names", 3)
def _close(it):
    return "close", it.slot(it.chance(0.3))


@inventor("names", 1)
def _dup(it):
    return "dup", it.slot(), it.opened(False)


@inventor("names", 5)
def _mkdir(it):
    return "mkdir", it.new_path(True), it.one_of(MODES) | (0o700 if it.chance(0.6) else 0)


@inventor("names", 3)
def _rmdir(it):
    return "rmdir", it.folder() if it.chance(0.7) else it.path()


@inventor("names", 6)
def _unlink(it):
    return "unlink", it.path()


@inventor("names", 8)
def _rename(it):
    old = it.folder() if it.chance(0.2) else it.path()
    return "rename", old, it.new_path() if it.chance(0.5) else it.path(), it.one_of(
        (0, 0, 0, 0, 1, 2, 2, 3, 8))


@inventor("names", 5)
def _link(it):
    return "link", it.path(), it.new_path(), it.chance(0.3)


@inventor("names", 1)
def _link_open(it):
    return "link_open", it.slot(), it.new_path()


@inventor("names", 4)
def _symlink(it):
    target = it.one_of(TARGETS) if it.chance(0.5) else os.path.basename(it.plain()) or b"a"
    return "symlink", target, it.new_path()


@inventor("names", 1)
def _readlink(it):
    return "readlink", it.path()


@inventor("names", 3)
def _mknod(it):
    kind = it.one_of((stat.S_IFIFO, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK,
                      stat.S_IFREG, stat.S_IFDIR, 0))
    device = it.one_of(DEVICES) if kind else (0, 0)
    return "mknod", it.new_path(), kind | it.file_mode(), device


@inventor("names", 3)
def _look(it):
    return "look", it.path(), it.chance(0.5)


@inventor("names", 2)
def _access(it):
    return "access", it.path(), it.dice.randrange(8), it.chance(0.5)


@inventor("names", 0.5)
def _umask(it):
    return "umask", it.one_of((0, 0o022, 0o077, 0o777, 0o002))


@inventor("names", 0.2)
def _fill(it):
    return "fill", it.folder() or b".", b"w", it.dice.randint(1, 250), it.file_mode()


@inventor("names", 0.2)
def _thin(it):
    return "thin", it.folder() or b".", b"w", 250, it.dice.randint(1, 4)


@inventor("names", 3)
def _entries(it):
    return "entries", it.slot(True), it.one_of((300, 300, 500, 4096)), it.dice.randint(1, 8)


@inventor("names", 1)
def _seek_entries(it):
    return "seek_entries", it.slot(True), it.one_of((0, 30, 70, 100))


@inventor("names", 2)
def _last_entries(it):
    return "last_entries", it.slot(True)


# --- data ---

@inventor("data", 3)
def _read(it):
    return "read", it.slot(), it.size()


@inventor("data", 5)
def _pread(it):
    return "pread", it.slot(), it.offset(), it.size()


@inventor("data", 6)
def _write(it):
    return "write", it.slot(), it.seed(), it.size()


@inventor("data", 9)
def _pwrite(it):
    return "pwrite", it.slot(), it.seed(), it.size(), it.offset()


@inventor("data", 1.5)
def _writev(it):
    flags = it.one_of((0, 0, os.RWF_SYNC, os.RWF_DSYNC, os.RWF_APPEND))
    return ("writev", it.slot(), it.seed(), [it.size() for _ in range(it.dice.randint(1, 4))],
            -1 if it.chance(0.4) else it.offset(), flags)


@inventor("data", 2)
def _seek(it):
    whence = it.dice.randrange(3)
    return "seek", it.slot(), it.offset() * it.one_of((1, 1, 1, -1)), whence


@inventor("data", 3)
def _truncate(it):
    return "truncate", it.plain(), it.one_of((0, it.offset(), it.offset()))


@inventor("data", 4)
def _ftruncate(it):
    return "ftruncate", it.slot(), it.one_of((0, it.offset(), it.offset()))


@inventor("data", 5, "fallocate")
def _fallocate(it):
    mode = it.one_of((0, KEEP_SIZE, PUNCH | KEEP_SIZE, PUNCH | KEEP_SIZE, ZERO, ZERO | KEEP_SIZE,
                      PUNCH))
    return "fallocate", it.slot(), mode, it.offset(), it.one_of((it.size(), it.size(), 0, 5 << 20))


@inventor("data", 4, "seek")
def _find(it):
    return it.one_of(("find_data", "find_hole")), it.slot(), it.offset()


@inventor("data", 4, "copy")
def _copy_range(it):
    offset = None if it.chance(0.3) else it.offset()
    return ("copy_range", it.slot(), it.slot(), it.size() * it.one_of((1, 1, 1, 10)), offset,
            None if it.chance(0.3) else it.offset(), "copy")


@inventor("data", 1)
def _sendfile(it):
    return ("copy_range", it.slot(), it.slot(), it.size(),
            None if it.chance(0.3) else it.offset(), None, "sendfile")


@inventor("data", 1)
def _fsync(it):
    return it.one_of(("fsync", "fdatasync")), it.slot(it.chance(0.1))


@inventor("data", 0.05)
def _syncfs(it):
    return "syncfs", it.slot()


@inventor("data", 1)
def _advise(it):
    return ("advise", it.slot(), 0, 0, it.one_of((os.POSIX_FADV_DONTNEED, os.POSIX_FADV_WILLNEED,
                                                   os.POSIX_FADV_SEQUENTIAL, os.POSIX_FADV_RANDOM)))


@inventor("data", 2, "mmap")
def _map(it):
    offset = max(it.offset(), 0) & -4096 if it.chance(0.4) else 0
    return "map", it.slot(), offset, it.size() + 4096, it.chance(0.7), it.chance(0.8)


@inventor("data", 0.5, "mmap")
def _unmap(it):
    return "unmap", it.dice.randrange(SLOTS)


@inventor("data", 3, "mmap")
def _mapped_read(it):
    return "mapped_read", it.dice.randrange(SLOTS)


@inventor("data", 3, "mmap")
def _mapped_write(it):
    return ("mapped_write", it.dice.randrange(SLOTS), it.seed(), it.dice.randrange(100), it.size(),
            it.chance(0.5))


@inventor("data", 1, "mmap")
def _msync(it):
    return "msync", it.dice.randrange(SLOTS)


# --- attributes ---

@inventor("attributes", 5)
def _chmod(it):
    return "chmod", it.path() if it.chance(0.8) else it.folder() or b".", it.one_of(MODES)


@inventor("attributes", 1)
def _fchmod(it):
    return "fchmod", it.slot(it.chance(0.3)), it.one_of(MODES)


@inventor("attributes", 5)
def _chown(it):
    return "chown", it.path(), *it.owner(), it.chance(0.5)


@inventor("attributes", 1)
def _fchown(it):
    return "fchown", it.slot(it.chance(0.3)), *it.owner()


@inventor("attributes", 5)
def _utimens(it):
    return "utimens", it.path(), it.times(), it.chance(0.5)


@inventor("attributes", 1)
def _futimens(it):
    return "futimens", it.slot(), it.times()


def _xattr(it):
    name = it.xattr()
    if name == b"security.capability":
        return name, struct.pack("<IIIII", 0x02000001, it.seed(), 0, 0, 0)
    # The value is a new one each time, because ext4 does not count an equal value as a change.
    return name, it.one_of((b"", b"%d" % it.seed(), b"%d" % it.seed() * 30))


@inventor("attributes", 5, "xattr")
def _setxattr(it):
    return "setxattr", it.plain(), *_xattr(it), it.one_of((0, 0, 1, 2)), it.chance(0.5)


@inventor("attributes", 2, "xattr")
def _fsetxattr(it):
    return "fsetxattr", it.slot(), *_xattr(it), it.one_of((0, 0, 1, 2))


@inventor("attributes", 2, "xattr")
def _getxattr(it):
    return "getxattr", it.plain(), it.xattr(), it.chance(0.5)


@inventor("attributes", 2, "xattr")
def _listxattr(it):
    return "listxattr", it.plain(), it.chance(0.5)


@inventor("attributes", 3, "xattr")
def _removexattr(it):
    name = it.xattr()
    # The kernel sends FUSE the same request before a write, so append-only files lose them, too.
    if it.protects and name == b"security.capability":
        name = b"security.s"
    return "removexattr", it.plain(), name, it.chance(0.5)


@inventor("attributes", 5, "acl")
def _acl(it):
    name = it.one_of((b"system.posix_acl_access", b"system.posix_acl_default"))
    path = it.plain() if it.chance(0.5) else it.folder() or b"."
    what = it.dice.random()
    if what < 0.15:
        return "removexattr", path, name, True
    if what < 0.25:
        return "getxattr", path, name, True
    return "setxattr", path, name, _acl_bytes(it), it.one_of((0, 0, 0, 1, 2)), True


def _acl_bytes(it):
    """Returns entries (tag, rights, id) as in acl(5), sometimes invalid ones."""
    rows = [(1, it.dice.randrange(8), -1)]
    rows += [(2, it.dice.randrange(8), uid) for uid in (1001, 1002) if it.chance(0.4)]
    rows += [(4, it.dice.randrange(8), -1)]
    rows += [(8, it.dice.randrange(8), gid) for gid in (1002, 2000) if it.chance(0.4)]
    if len(rows) > 2 or it.chance(0.3):
        rows.append((16, it.dice.randrange(8), -1))
    rows.append((32, it.dice.randrange(8), -1))
    if it.chance(0.06):
        rows.pop(it.dice.randrange(len(rows)))
    if it.chance(0.03):
        rows.reverse()
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, rights, owner & 0xffffffff) for tag, rights, owner in rows)


@inventor("attributes", 2, "flags")
def _set_flags(it):
    # immutable 0x10, append only 0x20, nodump 0x40, noatime 0x80
    some = (0, 0, 0, 0x10, 0x20, 0x40, 0x80) if it.protects else (0, 0x40, 0x80, 0xc0)
    return "set_flags", it.slot(it.chance(0.2)), it.one_of(some)


@inventor("attributes", 1, "flags")
def _get_flags(it):
    return "get_flags", it.slot(it.chance(0.2))


@inventor("attributes", 3, "locks")
def _lock(it):
    return "lock", *it.locked()


@inventor("attributes", 2, "locks")
def _test_lock(it):
    return "test_lock", *it.locked()


@inventor("attributes", 2, "locks")
def _flock(it):
    return "flock", it.slot(), it.one_of((fcntl.LOCK_SH, fcntl.LOCK_EX, fcntl.LOCK_UN))


