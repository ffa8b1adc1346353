#!/usr/bin/python3 -B
"""Hard links, symlinks, and files that are unlinked while they are open."""
import ctypes
import os
import stat
from errno import EACCES, EEXIST, EINVAL, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM, EXDEV

from shared.cases import case, equal, fails, get, main, pattern, put, true, until, write_all
from shared.linux import AT_FDCWD, AT_SYMLINK_FOLLOW, call, link_fd, utimensat
from shared.people import ALICE, by, elsewhere, start


# --- hard links ---

@case("two names of one file share the inode and the content, and the link count is 2")
def _():
    put("a", b"text")
    os.link("a", "b")
    equal(os.stat("a").st_ino, os.stat("b").st_ino, "the inode")
    equal((os.stat("a").st_nlink, os.stat("b").st_nlink), (2, 2), "the link counts")
    put("b", b"other")
    equal(get("a"), b"other")
    os.chmod("a", 0o600)
    equal(stat.S_IMODE(os.stat("b").st_mode), 0o600, "the mode by the other name")


@case("a file exists until its last name is removed")
def _():
    put("a", b"text")
    os.link("a", "b")
    os.unlink("a")
    equal(get("b"), b"text")
    equal(os.stat("b").st_nlink, 1, "the link count")
    os.unlink("b")
    fails(ENOENT, os.stat, "b")


@case("a link count reaches 2000 and returns to 1")
def _():
    put("a", b"text")
    for number in range(2000):
        os.link("a", f"n{number}")
    equal(os.stat("n1999").st_nlink, 2001, "the link count")
    os.unlink("a")
    for number in range(1999):
        os.unlink(f"n{number}")
    equal(os.stat("n1999").st_nlink, 1, "the link count")
    equal(get("n1999"), b"text")


@case("link and unlink update the ctime of the file and the mtime of the directory")
def _():
    put("a")
    os.mkdir("d")
    for change in (lambda: os.link("a", "d/b"), lambda: os.unlink("d/b")):
        os.utime("d", (1, 1))
        before = os.stat("a")
        change()
        after = os.stat("a")
        true(after.st_ctime_ns > before.st_ctime_ns, "the ctime of the file stood still")
        equal(after.st_mtime_ns, before.st_mtime_ns, "the mtime of the file")
        true(os.stat("d").st_mtime > 1, "the mtime of the directory stood still")


@case("a hard link to a directory fails with EPERM")
def _():
    os.mkdir("d")
    fails(EPERM, os.link, "d", "e")


@case("link of a symlink links the symlink, and with AT_SYMLINK_FOLLOW its target")
def _():
    put("a", b"text")
    os.symlink("a", "s")
    os.link("s", "hard", follow_symlinks=False)
    equal(os.lstat("hard").st_ino, os.lstat("s").st_ino, "the inode")
    equal(os.lstat("s").st_nlink, 2, "the link count of the symlink")
    call("linkat", AT_FDCWD, "s", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW)
    equal(os.lstat("followed").st_ino, os.stat("a").st_ino, "the inode behind the symlink")


@case("device nodes and sockets have hard links, too")
def _():
    os.mkfifo("fifo")
    os.mknod("sock", stat.S_IFSOCK | 0o600)
    os.mknod("null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    for name in ("fifo", "sock", "null"):
        os.link(name, f"{name}2")
        equal(os.stat(f"{name}2").st_ino, os.stat(name).st_ino, f"the inode of {name}2")


@case("link fails with EEXIST, ENOENT, ENOTDIR and EXDEV")
def _():
    put("a")
    put("b")
    os.mkdir("d")
    fails(EEXIST, os.link, "a", "b")
    fails(EEXIST, os.link, "a", "a")
    fails(EEXIST, os.link, "a", "d")
    fails(ENOENT, os.link, "none", "c")
    fails(ENOENT, os.link, "a", "none/c")
    fails(ENOTDIR, os.link, "a", "b/c")
    fails(EXDEV, os.link, "/proc/version", "c")


@case("link and unlink need write permission on the directory, not the file: EACCES")
def _():
    os.mkdir("mine")
    put("mine/a")
    os.mkdir("alices")
    os.chown("alices", ALICE.uid, ALICE.gid)
    by(ALICE, put, "alices/a")
    fails(EACCES, by, ALICE, os.link, "alices/a", "mine/b")
    fails(EACCES, by, ALICE, os.unlink, "mine/a")
    put("alices/roots")
    os.chmod("alices/roots", 0)
    by(ALICE, os.unlink, "alices/roots")


# --- symlinks ---

@case("readlink returns any target as it was written, from 1 to 4095 bytes")
def _():
    every = bytes(byte for byte in range(1, 256))
    for number, target in enumerate((b"x", b"/a/b", every, b"y" * 59, b"y" * 60, b"y" * 255,
                                     every * 4, b"z" * 4095)):
        os.symlink(target, b"%d" % number)
        equal(os.readlink(b"%d" % number), target, "the target")
        equal(os.lstat(b"%d" % number).st_size, len(target), "the size")


@case("a symlink target of 4096 bytes fails with ENAMETOOLONG, an empty one with ENOENT")
def _():
    fails(ENAMETOOLONG, os.symlink, "x" * 4096, "a")
    fails(ENOENT, os.symlink, "", "a")


@case("a symlink has mode 0777 whatever the umask, one link, and its creator as owner")
def _():
    os.chmod(".", 0o777)
    os.umask(0o077)
    by(ALICE, os.symlink, "x", "a")
    info = os.lstat("a")
    equal(info.st_mode, stat.S_IFLNK | 0o777, "the mode")
    equal((info.st_nlink, info.st_uid, info.st_gid), (1, ALICE.uid, ALICE.gid))


@case("readlink returns as much as fits, and fails with EINVAL for other kinds of files")
def _():
    os.symlink("0123456789", "a")
    buffer = ctypes.create_string_buffer(b"#" * 20)
    equal(call("readlink", "a", buffer, 4), 4)
    equal(buffer.raw[:5], b"0123#")
    put("file")
    os.mkdir("d")
    fails(EINVAL, os.readlink, "file")
    fails(EINVAL, os.readlink, "d")


@case("a relative symlink is resolved from its own directory, even after it moved")
def _():
    os.makedirs("d/e")
    put("d/file", b"below")
    put("file", b"above")
    os.symlink("../file", "d/e/link")
    equal(get("d/e/link"), b"below")
    os.rename("d/e/link", "d/link")
    equal(get("d/link"), b"above")


@case("a symlink to a directory leads into it, where '..' is that directory's parent")
def _():
    os.makedirs("far/away")
    os.symlink("far/away", "link")
    put("link/file", b"text")
    equal(get("far/away/file"), b"text")
    equal(os.stat("link/..").st_ino, os.stat("far").st_ino, "the inode of '..'")


@case("chmod, truncate, open and utime act on the target; lchown and lutimes on the symlink")
def _():
    put("a", b"text")
    os.symlink("a", "s")
    os.chmod("s", 0o640)
    os.truncate("s", 2)
    os.utime("s", (5, 6))
    info = os.stat("a")
    equal((stat.S_IMODE(info.st_mode), info.st_size, info.st_mtime), (0o640, 2, 6))

    os.lchown("s", ALICE.uid, ALICE.gid)
    utimensat("s", (7, 1), (8, 2), flags=0x100)
    link = os.lstat("s")
    equal((link.st_uid, link.st_gid, link.st_mtime_ns), (ALICE.uid, ALICE.gid, 8 * 10**9 + 2))
    equal((os.stat("a").st_uid, os.stat("a").st_mtime), (0, 6), "the target")


# --- unlinked while open ---

@case("an unlinked open file can be read, written, extended and truncated")
def _():
    fd = os.open("a", os.O_RDWR | os.O_CREAT)
    write_all(fd, pattern(100000))
    os.unlink("a")

    equal(os.fstat(fd).st_nlink, 0, "the link count")
    equal(os.pread(fd, 100000, 0), pattern(100000))
    os.pwrite(fd, pattern(300000, 1), 100000)
    equal(os.pread(fd, 400000, 0), pattern(100000) + pattern(300000, 1))
    os.ftruncate(fd, 50)
    os.fsync(fd)
    equal(os.pread(fd, 100, 0), pattern(50))
    os.ftruncate(fd, 5000)
    equal(os.fstat(fd).st_size, 5000, "the size")


@case("an unlinked open file accepts attributes and xattrs")
def _():
    fd = os.open("a", os.O_RDWR | os.O_CREAT)
    os.unlink("a")
    os.fchmod(fd, 0o4755)
    os.fchown(fd, ALICE.uid, ALICE.gid)
    os.utime(fd, (5, 6))
    os.setxattr(fd, "user.x", b"value")
    info = os.fstat(fd)
    equal((info.st_uid, info.st_gid, info.st_mtime), (ALICE.uid, ALICE.gid, 6))
    equal(os.getxattr(fd, "user.x"), b"value", "the xattr")


@case("an unlinked file is independent of a new file with the same name")
def _():
    put("a", b"old")
    fd = os.open("a", os.O_RDWR)
    os.unlink("a")
    put("a", b"new")
    true(os.fstat(fd).st_ino != os.stat("a").st_ino, "the new file has the old inode number")
    equal(os.pread(fd, 9, 0), b"old")
    os.pwrite(fd, b"OLD", 0)
    equal(get("a"), b"new")


@case("an unlinked file can be reopened through /proc, even by another process")
def _():
    fd = os.open("a", os.O_RDWR | os.O_CREAT)
    os.write(fd, b"text")
    os.unlink("a")
    path = f"/proc/{os.getpid()}/fd/{fd}"
    equal(elsewhere(get, path), b"text")
    elsewhere(put, path, b"other")
    equal(os.pread(fd, 9, 0), b"other")


@case("an unlinked file cannot be linked again: ENOENT")
def _():
    fd = os.open("a", os.O_RDWR | os.O_CREAT)
    os.unlink("a")
    fails(ENOENT, link_fd, fd, "b")


@case("an unlinked file lives until the last of several processes closes it")
def _():
    put("a", pattern(50000))
    fd = os.open("a", os.O_RDONLY)
    said, say = os.pipe()

    def reader():
        os.close(say)
        os.read(said, 1)  # until the parent has closed it
        return os.pread(fd, 50000, 0)
    other = start(reader)
    os.unlink("a")
    os.close(fd)
    os.close(say)
    equal(other.result(), pattern(50000))


@case("the space of an unlinked file is freed when it is closed, not before")
def _():
    size = 32 << 20
    fd = os.open("a", os.O_RDWR | os.O_CREAT)
    for n in range(size >> 20):
        os.write(fd, os.urandom(1 << 20))
    os.fsync(fd)
    full = os.statvfs(".")
    os.unlink("a")
    equal(len(os.pread(fd, 1 << 20, size - (1 << 20))), 1 << 20, "what is read at its end")
    os.close(fd)

    def freed():
        now = os.statvfs(".")
        return (now.f_bfree - full.f_bfree) * now.f_frsize > size * 3 // 4
    until(freed, "the space is not back", 30)


main()
