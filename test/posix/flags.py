#!/usr/bin/python3 -B
"""Flags of files: immutable, append-only, nodump, noatime; chattr(1), ioctl_iflags(2)."""
import contextlib
import fcntl
import os
import struct
import subprocess
import time
from errno import ENODATA, ENOTTY, EPERM

from shared.cases import case, equal, fails, get, main, pattern, put, true
from shared.linux import (FS_APPEND_FL, FS_IMMUTABLE_FL, FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR,
                          FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_NOATIME_FL, FS_NODUMP_FL,
                          FS_XFLAG_APPEND, FS_XFLAG_IMMUTABLE, FS_XFLAG_NOATIME, FS_XFLAG_NODUMP,
                          UTIME_NOW, fallocate, utimensat)
from shared.people import ALICE, BOB, by

OURS = FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL


@contextlib.contextmanager
def reading(path):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield fd
    finally:
        os.close(fd)


def flags(path):
    with reading(path) as fd:
        return struct.unpack("=i", fcntl.ioctl(fd, FS_IOC_GETFLAGS, bytes(4)))[0] & OURS


def set_flags(path, wanted):
    """Keeps the flags that belong to the filesystem, such as ext4's extents flag."""
    with reading(path) as fd:
        has = struct.unpack("=i", fcntl.ioctl(fd, FS_IOC_GETFLAGS, bytes(4)))[0]
        fcntl.ioctl(fd, FS_IOC_SETFLAGS, struct.pack("=i", has & ~OURS | wanted))


def xflags(path):
    with reading(path) as fd:
        return struct.unpack_from("=I", fcntl.ioctl(fd, FS_IOC_FSGETXATTR, bytes(28)))[0]


@contextlib.contextmanager
def flagged(path, wanted):
    """Sets flags that prevent the removal of the case's folder, and clears them afterwards."""
    with reading(path) as fd:
        has = fcntl.ioctl(fd, FS_IOC_GETFLAGS, bytes(4))
        set_flags(path, wanted)
        try:
            yield
        finally:
            fcntl.ioctl(fd, FS_IOC_SETFLAGS, has)


# --- set and get ---

@case("flags of files and directories survive a rename and another open")
def _():
    put("a")
    os.mkdir("d")
    for path in ("a", "d"):
        equal(flags(path), 0, "the flags of what is new")
        set_flags(path, FS_NODUMP_FL | FS_NOATIME_FL)
        os.rename(path, f"{path}2")
        equal(flags(f"{path}2"), FS_NODUMP_FL | FS_NOATIME_FL)
        set_flags(f"{path}2", 0)
        equal(flags(f"{path}2"), 0)


@case("chattr sets flags and lsattr shows them")
def _():
    put("a")
    subprocess.run(["chattr", "+dA", "a"], check=True)
    equal(flags("a"), FS_NODUMP_FL | FS_NOATIME_FL)
    told = subprocess.run(["lsattr", "a"], check=True, capture_output=True, text=True).stdout
    true("d" in told.split()[0] and "A" in told.split()[0], f"lsattr says {told}")
    subprocess.run(["chattr", "-dA", "a"], check=True)
    equal(flags("a"), 0)


@case("FS_IOC_FSGETXATTR returns the same flags")
def _():
    put("a")
    with flagged("a", FS_IMMUTABLE_FL | FS_NODUMP_FL):
        both = FS_XFLAG_IMMUTABLE | FS_XFLAG_NODUMP
        equal(xflags("a") & (both | FS_XFLAG_APPEND | FS_XFLAG_NOATIME), both)
    with flagged("a", FS_APPEND_FL | FS_NOATIME_FL):
        both = FS_XFLAG_APPEND | FS_XFLAG_NOATIME
        equal(xflags("a") & (both | FS_XFLAG_IMMUTABLE | FS_XFLAG_NODUMP), both)


@case("FS_IOC_FSSETXATTR sets flags, too")
def _():
    put("a")
    with reading("a") as fd:
        told = bytearray(fcntl.ioctl(fd, FS_IOC_FSGETXATTR, bytes(28)))
        struct.pack_into("=I", told, 0, struct.unpack_from("=I", told)[0] | FS_XFLAG_NODUMP)
        fcntl.ioctl(fd, FS_IOC_FSSETXATTR, bytes(told))
    equal(flags("a"), FS_NODUMP_FL)


@case("setting flags updates the ctime")
def _():
    put("a")
    before = os.stat("a")
    time.sleep(0.012)
    set_flags("a", FS_NODUMP_FL)
    after = os.stat("a")
    true(after.st_ctime_ns > before.st_ctime_ns, "the ctime stood still")
    equal(after.st_mtime_ns, before.st_mtime_ns, "the mtime")


@case("users set flags of their own files only, and never the immutable flag: EPERM")
def _():
    put("a")
    os.chown("a", ALICE.uid, ALICE.gid)
    by(ALICE, set_flags, "a", FS_NODUMP_FL)
    equal(flags("a"), FS_NODUMP_FL)
    fails(EPERM, by, BOB, set_flags, "a", 0)
    for wanted in (FS_IMMUTABLE_FL, FS_APPEND_FL):
        fails(EPERM, by, ALICE, set_flags, "a", wanted)
    equal(flags("a"), FS_NODUMP_FL)


@case("an unknown ioctl fails with ENOTTY")
def _():
    put("a")
    with reading("a") as fd:
        fails(ENOTTY, fcntl.ioctl, fd, 0x7f01, bytes(8))


# --- immutable ---

@case("writing, truncating, renaming, linking or removing an immutable file fails with EPERM")
def _():
    put("a", b"text")
    put("b")
    os.mkdir("d")
    with flagged("a", FS_IMMUTABLE_FL):
        for call in (lambda: os.open("a", os.O_WRONLY), lambda: os.open("a", os.O_RDWR),
                     lambda: os.open("a", os.O_RDONLY | os.O_TRUNC),
                     lambda: os.truncate("a", 0), lambda: os.unlink("a"),
                     lambda: os.rename("a", "c"), lambda: os.rename("b", "a"),
                     lambda: os.link("a", "c"), lambda: os.chmod("a", 0o600),
                     lambda: os.chown("a", 5, 6), lambda: os.utime("a", (1, 1)),
                     lambda: os.setxattr("a", "user.x", b"")):
            fails(EPERM, call)
        equal(get("a"), b"text")
        equal(os.stat("a").st_nlink, 1, "the link count")
    put("a", b"other")
    os.unlink("a")


@case("a descriptor opened before cannot write an immutable file: EPERM")
def _():
    put("a", b"text")
    fd = os.open("a", os.O_RDWR)
    with flagged("a", FS_IMMUTABLE_FL):
        fails(EPERM, os.write, fd, b"x")
        fails(EPERM, os.ftruncate, fd, 0)
        fails(EPERM, fallocate, fd, 0, 0, 100)
        for size in (10, 100000):
            put("b", b"b" * size)
            fails(EPERM, os.copy_file_range, os.open("b", os.O_RDONLY), fd, size)
    os.write(fd, b"T")
    equal(get("a"), b"Text")


@case("an immutable directory accepts no change of its names: EPERM; its files can be written")
def _():
    os.mkdir("d")
    os.mkdir("d/in")
    put("d/a")
    put("b")
    with flagged("d", FS_IMMUTABLE_FL):
        for call in (lambda: put("d/new"), lambda: os.mkdir("d/new"), lambda: os.unlink("d/a"),
                     lambda: os.rmdir("d/in"), lambda: os.rename("d/a", "d/c"),
                     lambda: os.rename("d/a", "c"), lambda: os.rename("b", "d/b"),
                     lambda: os.link("b", "d/b"), lambda: os.symlink("x", "d/s"),
                     lambda: os.rmdir("d"), lambda: os.rename("d", "e"),
                     lambda: os.chmod("d", 0o700)):
            fails(EPERM, call)
        put("d/a", b"text")
        put("d/in/new", b"text")
    equal(get("d/a"), b"text")


@case("setting the times of an immutable file to now fails with EPERM")
def _():
    put("a")
    with flagged("a", FS_IMMUTABLE_FL):
        fails(EPERM, utimensat, "a", (0, UTIME_NOW), (0, UTIME_NOW))


# --- append-only ---

@case("an append-only file accepts appends only, and cannot be removed: EPERM")
def _():
    put("a", b"text")
    put("b")
    with flagged("a", FS_APPEND_FL):
        for call in (lambda: os.open("a", os.O_WRONLY), lambda: os.open("a", os.O_RDWR),
                     lambda: os.open("a", os.O_WRONLY | os.O_APPEND | os.O_TRUNC),
                     lambda: os.truncate("a", 0), lambda: os.unlink("a"),
                     lambda: os.rename("a", "c"), lambda: os.rename("b", "a"),
                     lambda: os.link("a", "c"), lambda: os.chmod("a", 0o600),
                     lambda: os.chown("a", 5, 6), lambda: os.utime("a", (1, 1))):
            fails(EPERM, call)
        fd = os.open("a", os.O_WRONLY | os.O_APPEND)
        os.write(fd, b" more")
        fails(EPERM, os.ftruncate, fd, 0)
    equal(get("a"), b"text more")


@case("a no-op chown of an append-only file that would clear setuid or setgid fails with EPERM")
def _():
    for mode, refused in ((0o755, False), (0o4755, True), (0o2755, True), (0o2745, False)):
        put("a")
        os.chmod("a", mode)
        with flagged("a", FS_APPEND_FL):
            if refused:
                fails(EPERM, os.chown, "a", -1, -1)
            else:
                os.chown("a", -1, -1)
        equal(os.stat("a").st_mode & 0o7777, mode)
        os.unlink("a")


@case("a refused chown of an append-only file keeps its capabilities and its ctime")
def _():
    # cap_net_bind_service=ep; struct vfs_cap_data of linux/capability.h, version 2.
    capability = bytes.fromhex("0100000200040000000000000000000000000000")
    put("a", b"text")
    os.setxattr("a", "security.capability", capability)
    with flagged("a", FS_APPEND_FL):
        before = os.stat("a").st_ctime_ns
        for change in (lambda: os.chown("a", 5, 6), lambda: os.truncate("a", 0),
                       lambda: os.removexattr("a", "security.capability")):
            fails(EPERM, change)
        equal(os.getxattr("a", "security.capability"), capability)
        equal(os.stat("a").st_ctime_ns, before, "the ctime")
        fd = os.open("a", os.O_WRONLY | os.O_APPEND)
        os.write(fd, b" more")
        os.close(fd)
        fails(ENODATA, os.getxattr, "a", "security.capability")
    equal(get("a"), b"text more")


@case("an append-only directory accepts new names and no removals: EPERM")
def _():
    os.mkdir("d")
    put("d/a")
    with flagged("d", FS_APPEND_FL):
        put("d/b")
        os.mkdir("d/c")
        for call in (lambda: os.unlink("d/a"), lambda: os.rmdir("d/c"),
                     lambda: os.rename("d/a", "d/x"), lambda: os.rmdir("d"),
                     lambda: os.rename("d", "e")):
            fails(EPERM, call)
    equal(sorted(os.listdir("d")), ["a", "b", "c"])


@case("reading a file with the noatime flag keeps its atime")
def _():
    put("a", pattern(100))
    set_flags("a", FS_NOATIME_FL)
    utimensat("a", (1, 0), (5, 0))
    get("a")
    equal(os.stat("a").st_atime, 1, "the atime")
    set_flags("a", 0)
    os.posix_fadvise(os.open("a", os.O_RDONLY), 0, 0, os.POSIX_FADV_DONTNEED)
    get("a")
    true(os.stat("a").st_atime > 1, "the atime stood still without the flag")


main()
