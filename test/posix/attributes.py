#!/usr/bin/python3 -B
"""Attributes: the results of stat, statx and statfs, and the effects of chmod, chown and writes."""
import os
import stat
import time
from errno import EACCES, EINVAL

from shared.cases import Mode, case, equal, fails, main, pattern, put, settled, true, until
from shared.linux import (FALLOC_FL_KEEP_SIZE, STATX_BTIME, STATX_MODE, call, fallocate, punch,
                          statx, statx_fd)
from shared.people import ALICE, BOB, ROOT, STAFF, by


def mode(path):
    return Mode(stat.S_IMODE(os.lstat(path).st_mode))


def owner(path):
    info = os.lstat(path)
    return info.st_uid, info.st_gid


# --- new files ---

@case("a new file is empty, has one link, and has the user and group of its creator")
def _():
    os.chmod(".", 0o777)
    by(ALICE, put, "a")
    info = os.stat("a")
    equal((info.st_size, info.st_blocks, info.st_nlink), (0, 0, 1))
    equal(owner("a"), (ALICE.uid, ALICE.gid), "the owner")


@case("a directory has two links and one for each subdirectory, none for its files")
def _():
    os.mkdir("d")
    equal(os.stat("d").st_nlink, 2)
    for n in range(5):
        os.mkdir(f"d/{n}")
        put(f"d/file{n}")
    equal(os.stat("d").st_nlink, 7)
    os.rmdir("d/0")
    os.rename("d/1", "e")
    equal(os.stat("d").st_nlink, 5)


@case("inode numbers are unique, and rename, chmod, write and unlink keep them")
def _():
    for n in range(200):
        put(f"x{n}")
    equal(len({os.stat(f"x{n}").st_ino for n in range(200)}), 200, "the number of inodes")
    fd = os.open("x0", os.O_RDWR)
    before = os.fstat(fd).st_ino
    os.chmod("x0", 0o600)
    put("x0", pattern(100000))
    os.rename("x0", "y")
    equal(os.stat("y").st_ino, before)
    os.unlink("y")
    equal(os.fstat(fd).st_ino, before)


@case("all files are on one device, and st_blksize is a power of two")
def _():
    os.mkdir("d")
    put("d/a")
    os.symlink("x", "s")
    equal({os.lstat(path).st_dev for path in (".", "d", "d/a", "s")}, {os.stat(".").st_dev})
    size = os.stat("d/a").st_blksize
    true(size >= 512 and size & (size - 1) == 0, f"st_blksize is {size}")


# --- blocks ---

def stored(path):
    return os.stat(path).st_blocks * 512


@case("st_blocks counts all bytes of a full file, and only the data of a sparse one")
def _():
    size = 1 << 20
    put("full", os.urandom(size))
    true(size <= stored("full") <= size * 1.1, f"{stored('full')} bytes for {size}")
    put("sparse")
    os.truncate("sparse", 1 << 34)
    true(stored("sparse") <= 16384, f"{stored('sparse')} bytes for a hole")
    fd = os.open("sparse", os.O_RDWR)
    os.pwrite(fd, os.urandom(size), 1 << 33)
    os.fsync(fd)
    true(size <= stored("sparse") <= size * 1.1, f"{stored('sparse')} bytes for {size} in a hole")


@case("st_blocks shrinks after a truncation and after a punched hole")
def _():
    fd = os.open("a", os.O_RDWR | os.O_CREAT)
    os.write(fd, os.urandom(4 << 20))
    os.fsync(fd)
    os.ftruncate(fd, 2 << 20)
    until(lambda: stored("a") <= 2.2 * (1 << 20), "half of the file still counts")
    punch(fd, 0, 1 << 20)
    until(lambda: stored("a") <= 1.2 * (1 << 20), "the hole still counts")
    os.ftruncate(fd, 0)
    until(lambda: stored("a") == 0, "the empty file still counts")


# --- chmod ---

@case("chmod sets all twelve bits, of files and directories, by path and by descriptor")
def _():
    put("a")
    os.mkdir("d")
    for path in ("a", "d"):
        fd = os.open(path, os.O_RDONLY)
        for bits in (0, 0o777, 0o7777, 0o4711, 0o2070, 0o1005):
            os.chmod(path, bits)
            equal(mode(path), bits)
            os.fchmod(fd, bits ^ 0o7777)
            equal(mode(path), bits ^ 0o7777)


# --- chown ---

@case("chown sets user and group, and -1 leaves them unchanged")
def _():
    put("a")
    os.chown("a", 1000000, 2000000)
    equal(owner("a"), (1000000, 2000000))
    os.chown("a", -1, 5)
    os.chown("a", 6, -1)
    equal(owner("a"), (6, 5))
    os.chown("a", -1, -1)
    equal(owner("a"), (6, 5))
    os.chown("a", 2**32 - 2, 2**32 - 2)
    equal(owner("a"), (2**32 - 2, 2**32 - 2))


# --- setuid and setgid on change ---

def changes():
    """Returns the calls that change the content of "a"; each clears setuid and setgid."""
    def opened(change):
        fd = os.open("a", os.O_RDWR)
        change(fd)
        os.close(fd)
    return {"write": lambda: opened(lambda fd: os.write(fd, b"x")),
            "pwrite": lambda: opened(lambda fd: os.pwrite(fd, b"x", 5)),
            "truncate": lambda: os.truncate("a", 3),
            "ftruncate": lambda: opened(lambda fd: os.ftruncate(fd, 20)),
            "O_TRUNC": lambda: os.close(os.open("a", os.O_WRONLY | os.O_TRUNC)),
            "fallocate": lambda: opened(lambda fd: fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4096)),
            "copy_file_range": lambda: opened(lambda fd: copy_from("source", fd, 10)),
            "a long copy": lambda: opened(lambda fd: copy_from("source", fd, 1 << 20))}


def copy_from(source, to, size):
    fd = os.open(source, os.O_RDONLY)
    equal(os.copy_file_range(fd, to, size, 0, 0), size)
    os.close(fd)


def run_with(path):
    """Returns the mode as exec reads it, without refreshing other attributes."""
    return statx(path, mask=STATX_MODE).mode & 0o7777


@case("write, truncate, O_TRUNC, fallocate and copies by a user clear setuid and setgid")
def _():
    put("source", pattern(1 << 20))
    put("a", b"0123456789")
    os.chown("a", ALICE.uid, ALICE.gid)
    for name, change in changes().items():
        os.chmod("a", 0o6777)
        equal(run_with("a"), 0o6777)
        by(BOB, change)
        equal(run_with("a"), 0o777, f"the mode after {name}")
        equal(mode("a"), 0o777, f"the mode after {name}")


@case("changes by root and by group members keep setgid without group execution")
def _():
    put("source", pattern(1 << 20))
    put("a", b"0123456789")
    os.chown("a", ALICE.uid, STAFF)
    for who in (ROOT, BOB.of(STAFF), BOB._replace(gid=STAFF)):
        for name, change in changes().items():
            os.chmod("a", 0o2666)
            by(who, change)
            equal(mode("a"), 0o2666, f"the mode after {name}")


@case("a change by somebody outside the group clears setgid without group execution")
def _():
    put("source", pattern(1 << 20))
    put("a", b"0123456789")
    os.chown("a", ALICE.uid, STAFF)
    for name, change in changes().items():
        os.chmod("a", 0o2666)
        equal(run_with("a"), 0o2666)
        by(BOB, change)
        equal(run_with("a"), 0o666, f"the mode after {name}")
        equal(mode("a"), 0o666, f"the mode after {name}")


@case("chown by an owner outside the group, not root, clears setgid without group execution")
def _():
    put("a")
    for who, left in ((ALICE, 0o666), (ALICE.of(STAFF), 0o2666), (ROOT, 0o2666)):
        os.chown("a", ALICE.uid, STAFF)
        os.chmod("a", 0o2666)
        by(who, os.chown, "a", -1, -1)
        equal(mode("a"), left, f"the mode after a chown by {who}")
        os.chown("a", ALICE.uid, STAFF)
        os.chmod("a", 0o2666)
        by(who, os.chown, "a", ALICE.uid, -1)
        equal(mode("a"), left, f"the mode after a chown by {who} to the same owner")


# --- access ---

@case("access checks the real user, faccessat with AT_EACCESS the effective one")
def _():
    put("a")
    os.chmod("a", 0o600)

    def ask():
        os.setresuid(ALICE.uid, 0, 0)
        return (os.access("a", os.R_OK), os.access("a", os.R_OK, effective_ids=True),
                os.access("a", os.F_OK), os.access("a", os.X_OK, effective_ids=True))
    equal(by(ROOT, ask), (False, True, True, False))


# --- statx ---

@case("statx and stat return the same attributes")
def _():
    put("a", pattern(12345))
    os.chmod("a", 0o4711)
    os.chown("a", 70000, 80000)
    one, other = statx("a"), os.stat("a")
    equal((one.mode, one.nlink, one.uid, one.gid, one.ino, one.size),
          (other.st_mode, other.st_nlink, other.st_uid, other.st_gid, other.st_ino, 12345))
    equal((one.atime_ns, one.mtime_ns, one.ctime_ns),
          (other.st_atime_ns, other.st_mtime_ns, other.st_ctime_ns), "the times")
    equal(one.blksize, other.st_blksize, "the block size")


@case("statx returns the birth time, which never changes")
def _():
    began = time.time_ns()
    put("a", b"text")
    born = statx("a")
    true(born.mask & STATX_BTIME, "statx tells no birth time")
    true(began - 10**8 <= born.btime_ns <= time.time_ns(), "it was not born now")
    time.sleep(0.02)

    put("a", b"other")
    os.chmod("a", 0o600)
    os.utime("a", (1, 1))
    os.link("a", "b")
    os.rename("a", "c")
    equal(statx("c").btime_ns, born.btime_ns, "the birth time")

    os.mkdir("d")
    put("d/a")
    true(statx("d").btime_ns > born.btime_ns, "a later directory is not younger")


@case("statx returns the birth time of symlinks, FIFOs and unlinked files")
def _():
    os.symlink("nothing", "s")
    os.mkfifo("fifo")
    fd = os.open("a", os.O_RDWR | os.O_CREAT)
    os.unlink("a")
    for told in (statx("s", follow=False), statx("fifo"), statx_fd(fd)):
        true(told.mask & STATX_BTIME and abs(told.btime_ns - time.time_ns()) < 5 * 10**9,
             "no birth time, or not now")


@case("statx with unknown flags fails with EINVAL")
def _():
    fails(EINVAL, call, "statx", -100, ".", 1 << 30, 0x7ff, bytes(256))


# --- statfs ---

@case("in statfs free is at most the total, and available at most free")
def _():
    space = os.statvfs(".")
    true(space.f_blocks >= space.f_bfree >= space.f_bavail > 0, f"the blocks are {space}")
    true(space.f_files >= space.f_ffree > 0, f"the inodes are {space}")
    true(space.f_bsize >= 512 and space.f_frsize >= 512, f"the block sizes are {space}")


@case("the numbers of statfs fit in 32 bits")
def _():
    space = os.statvfs(".")
    true(max(space.f_blocks, space.f_files) < 1 << 32, f"the numbers are {space}")


def used_inodes():
    space = os.statvfs(".")
    return space.f_files - space.f_ffree


def used_bytes():
    space = os.statvfs(".")
    return (space.f_blocks - space.f_bfree) * space.f_frsize


@case("statfs counts files that are made and removed")
def _():
    before = settled(used_inodes)
    for n in range(100):
        put(f"x{n}")
    equal(used_inodes() - before, 100, "the number of files in use")
    for n in range(100):
        os.unlink(f"x{n}")
    until(lambda: used_inodes() == before, "the files still count", 30)


@case("statfs counts bytes that are written and removed")
def _():
    size = 16 << 20
    before = settled(used_bytes)
    fd = os.open("a", os.O_RDWR | os.O_CREAT)
    for _ in range(16):
        os.write(fd, os.urandom(1 << 20))
    os.fsync(fd)
    used = used_bytes() - before
    true(used >= size * 0.9, f"{used} bytes more are in use, not {size}")
    os.close(fd)
    os.unlink("a")
    until(lambda: used_bytes() - before < size // 2, "the bytes still count", 30)


@case("stat of a file in a directory without x fails for a user")
def _():
    os.mkdir("d")
    put("d/a")
    os.chmod("d", 0o744)
    fails(EACCES, by, ALICE, os.stat, "d/a")


main()
