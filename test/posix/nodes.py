#!/usr/bin/python3 -B
"""FIFOs, sockets, devices, and unnamed files (O_TMPFILE)."""
import os
import socket
import stat
from errno import (EACCES, EADDRINUSE, ECONNREFUSED, EEXIST, EINVAL, ENOENT, ENOTDIR, ENXIO, EPERM)

from shared.cases import case, equal, fails, get, main, pattern, put, true, until
from shared.linux import allow_proc, link_fd, link_proc_fd
from shared.people import ALICE, BOB, STAFF, by, elsewhere, start


# --- FIFOs ---

@case("a FIFO passes bytes from one process to another, and its size stays 0")
def _():
    os.mkfifo("fifo")
    reader = start(get, "fifo")
    put("fifo", pattern(50000))
    equal(reader.result(5), pattern(50000))
    equal(os.stat("fifo").st_size, 0, "the size")


@case("opening a FIFO for non-blocking writing without a reader fails with ENXIO")
def _():
    os.mkfifo("fifo")
    fails(ENXIO, os.open, "fifo", os.O_WRONLY | os.O_NONBLOCK)
    os.open("fifo", os.O_RDONLY | os.O_NONBLOCK)
    os.open("fifo", os.O_WRONLY | os.O_NONBLOCK)


@case("a FIFO is the same by all of its names, and after a rename")
def _():
    os.mkfifo("a")
    os.link("a", "b")
    reader = start(get, "a")
    os.rename("b", "c")
    put("c", b"text")
    equal(reader.result(5), b"text")


@case("the mode of a FIFO decides who may open it")
def _():
    os.chmod(".", 0o777)
    by(ALICE, os.mkfifo, "fifo", 0o600)
    equal(os.stat("fifo").st_mode, stat.S_IFIFO | 0o600, "the mode")
    fails(EACCES, by, BOB, os.open, "fifo", os.O_RDONLY | os.O_NONBLOCK)


# --- sockets ---

@case("a socket is bound to a name and connected by it, and disappears with it")
def _():
    server = socket.socket(socket.AF_UNIX)
    server.bind("s")
    server.listen()
    true(stat.S_ISSOCK(os.stat("s").st_mode), "it is not a socket")

    client = socket.socket(socket.AF_UNIX)
    client.connect("s")
    client.sendall(b"text")
    equal(server.accept()[0].recv(9), b"text")

    fails(EADDRINUSE, socket.socket(socket.AF_UNIX).bind, "s")
    os.unlink("s")
    fails(ENOENT, socket.socket(socket.AF_UNIX).connect, "s")


@case("a socket without a server fails with ECONNREFUSED to connect and ENXIO to open")
def _():
    os.mknod("s", stat.S_IFSOCK | 0o600)
    fails(ECONNREFUSED, socket.socket(socket.AF_UNIX).connect, "s")
    fails(ENXIO, os.open, "s", os.O_RDWR)


@case("connecting to a socket needs write permission")
def _():
    server = socket.socket(socket.AF_UNIX)
    server.bind("s")
    server.listen()
    os.chmod("s", 0o755)
    fails(EACCES, by, ALICE, lambda: socket.socket(socket.AF_UNIX).connect("s"))
    os.chmod("s", 0o777)
    by(ALICE, lambda: socket.socket(socket.AF_UNIX).connect("s"))


# --- devices ---

@case("device nodes keep their kind and number, up to major 4095 and minor 1048575")
def _():
    for kind in (stat.S_IFCHR, stat.S_IFBLK):
        for major, minor in ((1, 3), (0, 0), (8, 17), (255, 255), (256, 256), (4095, 1048575)):
            os.mknod("a", kind | 0o600, os.makedev(major, minor))
            info = os.lstat("a")
            equal(info.st_mode, kind | 0o600, "the mode")
            equal((os.major(info.st_rdev), os.minor(info.st_rdev)), (major, minor), "the number")
            equal(info.st_size, 0, "the size")
            os.unlink("a")


@case("a node of zero or null acts as the device, and one of a missing device fails with ENXIO")
def _():
    os.mknod("zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    os.mknod("null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod("none", stat.S_IFCHR | 0o666, os.makedev(4095, 4095))
    equal(os.read(os.open("zero", os.O_RDONLY), 10), bytes(10))
    put("null", b"text")
    equal(get("null"), b"")
    fails(ENXIO, os.open, "none", os.O_RDONLY)


@case("only root may make devices: EPERM")
def _():
    os.chmod(".", 0o777)
    for kind in (stat.S_IFCHR, stat.S_IFBLK):
        fails(EPERM, by, ALICE, os.mknod, "a", kind | 0o600, os.makedev(1, 3))
    by(ALICE, os.mknod, "sock", stat.S_IFSOCK | 0o600)


@case("mknod makes regular files, and fails with EPERM for a directory, EINVAL for unknown kinds")
def _():
    os.mknod("a", stat.S_IFREG | 0o640)
    equal(os.stat("a").st_mode, stat.S_IFREG | 0o640, "the mode")
    os.mknod("b", 0o600)
    equal(os.stat("b").st_mode, stat.S_IFREG | 0o600, "the mode without a kind")
    fails(EPERM, os.mknod, "c", stat.S_IFDIR | 0o755)
    fails(EINVAL, os.mknod, "c", stat.S_IFLNK | 0o755)
    fails(EINVAL, os.mknod, "c", 0o170000 | 0o644)


# --- O_TMPFILE ---

def tmpfile(mode=0o644, flags=os.O_RDWR, folder="."):
    return os.open(folder, os.O_TMPFILE | flags, mode)


@case("an O_TMPFILE is in no directory, has no links, and can be read and written")
def _():
    fd = tmpfile()
    equal(os.listdir("."), [])
    info = os.fstat(fd)
    equal((info.st_nlink, info.st_size, stat.S_ISREG(info.st_mode)), (0, 0, True))
    os.write(fd, pattern(200000))
    os.fsync(fd)
    equal(os.pread(fd, 200000, 0), pattern(200000))
    os.ftruncate(fd, 10)
    equal(os.fstat(fd).st_size, 10, "the size")


@case("linkat gives an O_TMPFILE a name, with its content, and then another")
def _():
    fd = tmpfile()
    os.write(fd, b"text")
    link_fd(fd, "a")
    equal(get("a"), b"text")
    equal(os.fstat(fd).st_ino, os.stat("a").st_ino, "the inode")
    equal(os.stat("a").st_nlink, 1, "the link count")
    os.write(fd, b" more")
    equal(get("a"), b"text more")
    link_fd(fd, "b")
    equal(os.stat("a").st_nlink, 2, "the link count")
    os.close(fd)
    os.unlink("a")
    equal(get("b"), b"text more")


@case("linkat through /proc also gives a name, and fails with EEXIST for an existing one")
def _():
    put("taken", b"old")
    fd = tmpfile()
    fails(EEXIST, link_proc_fd, fd, "taken")
    equal(get("taken"), b"old")
    link_proc_fd(fd, "a")
    equal(os.stat("a").st_nlink, 1, "the link count")


@case("an O_TMPFILE with O_EXCL cannot be linked: ENOENT")
def _():
    fd = tmpfile(flags=os.O_RDWR | os.O_EXCL)
    os.write(fd, b"text")
    fails(ENOENT, link_fd, fd, "a")
    equal(os.listdir("."), [])


@case("an O_TMPFILE gets its mode by the umask, its owner, and the group of a setgid directory")
def _():
    os.mkdir("d")
    os.chown("d", 0, STAFF)
    os.chmod("d", 0o2777)

    def make():
        os.umask(0o027)
        info = os.fstat(tmpfile(0o666, folder="d"))
        return info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)
    equal(by(ALICE, make), (ALICE.uid, STAFF, 0o640), "owner, group and mode")


@case("O_TMPFILE fails with EINVAL read-only, ENOTDIR, ENOENT and EACCES")
def _():
    put("file")
    fails(EINVAL, tmpfile, flags=os.O_RDONLY)
    fails(ENOTDIR, tmpfile, folder="file")
    fails(ENOENT, tmpfile, folder="none")
    fails(EACCES, by, ALICE, tmpfile)


@case("a user links an O_TMPFILE through /proc in writable directories, others fail with EACCES")
def _():
    os.chmod(".", 0o777)
    os.mkdir("roots")

    def save():
        allow_proc()
        fd = tmpfile(0o600)
        os.write(fd, b"text")
        fails(EACCES, link_proc_fd, fd, "roots/a")
        link_proc_fd(fd, "a")
        return get("a")
    equal(by(ALICE, save), b"text")
    equal(os.stat("a").st_uid, ALICE.uid, "the owner")


@case("the inode of an O_TMPFILE is free again when it is closed")
def _():
    def used():
        space = os.statvfs(".")
        return space.f_files - space.f_ffree

    before = used()
    fds = [tmpfile() for _ in range(50)]
    true(used() >= before + 50, "the inodes are not counted")
    for fd in fds:
        os.close(fd)
    until(lambda: used() <= before, "the inodes are not back", 30)


@case("another process reopens an O_TMPFILE through /proc")
def _():
    fd = tmpfile()
    os.write(fd, b"text")
    equal(elsewhere(get, f"/proc/{os.getpid()}/fd/{fd}"), b"text")


main()
