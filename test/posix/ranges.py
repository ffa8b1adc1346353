#!/usr/bin/python3 -B
"""Ranges of a file: holes, fallocate, and what a file uses."""
import mmap
import os
import resource
import signal
import stat
import time
from errno import EBADF, EFBIG, EINVAL, EISDIR, ENODEV, ENXIO, EOPNOTSUPP, ESPIPE

from shared.cases import case, equal, fails, get, main, pattern, pread_all, put, true, write_all
from shared.linux import (FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE,
                          fallocate, punch)
from shared.people import ALICE, by

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
ZERO = FALLOC_FL_ZERO_RANGE


def used(path):
    return os.stat(path).st_blocks * 512


def rw(path, flags=0):
    return os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o644)


def fixed_times(path):
    os.utime(path, (1, 1))
    return os.stat(path).st_ctime_ns


def moved(path, ctime):
    """Whether both times that a change moves have moved."""
    now = os.stat(path)
    return now.st_mtime > 1 and now.st_ctime_ns > ctime


# --- holes ---

@case("SEEK_DATA and SEEK_HOLE find a hole that a seek made")
def _():
    for synced in (False, True):
        fd = rw(f"a{synced}")
        os.pwrite(fd, pattern(128 * KIB), 0)
        os.pwrite(fd, pattern(128 * KIB), MIB)
        if synced:
            os.fsync(fd)
        equal(os.lseek(fd, 0, os.SEEK_DATA), 0)
        equal(os.lseek(fd, 0, os.SEEK_HOLE), 128 * KIB)
        equal(os.lseek(fd, 200 * KIB, os.SEEK_HOLE), 200 * KIB)
        equal(os.lseek(fd, 200 * KIB, os.SEEK_DATA), MIB)
        equal(os.lseek(fd, MIB, os.SEEK_HOLE), MIB + 128 * KIB, "the hole at the end")


@case("SEEK_DATA finds what lies behind a hole of terabytes at once, and ENXIO behind the last")
def _():
    fd = rw("a")
    os.pwrite(fd, b"x" * 4096, 4 * TIB)
    os.ftruncate(fd, 8 * TIB)
    for synced in (False, True):
        if synced:
            os.fsync(fd)
        begun = time.monotonic()
        equal(os.lseek(fd, 0, os.SEEK_DATA), 4 * TIB)
        fails(ENXIO, os.lseek, fd, 4 * TIB + 4096, os.SEEK_DATA)
        equal(os.lseek(fd, 4 * TIB, os.SEEK_HOLE), 4 * TIB + 4096)
        true(time.monotonic() - begun < 5, "it took seconds")


@case("SEEK_DATA and SEEK_HOLE at the end and beyond are ENXIO, and move nothing")
def _():
    fd = rw("a")
    write_all(fd, b"x" * 5000)
    os.lseek(fd, 7, os.SEEK_SET)
    for whence in (os.SEEK_DATA, os.SEEK_HOLE):
        for offset in (5000, 5001, 1 << 40):
            fails(ENXIO, os.lseek, fd, offset, whence)
    equal(os.lseek(fd, 0, os.SEEK_CUR), 7)
    equal(os.lseek(fd, 4999, os.SEEK_HOLE), 5000)


@case("a hole that was punched reads as zeros and is found, the size stays")
def _():
    for synced in (False, True):
        for size in (6000, 700 * KIB, 9 * MIB):
            fd = rw(f"a{size}{synced}")
            data = pattern(size)
            write_all(fd, data)
            if synced:
                os.fsync(fd)
            punch(fd, size // 4, size // 2)
            wanted = data[:size // 4] + bytes(size // 2) + data[size // 4 + size // 2:]
            equal(pread_all(fd, size, 0), wanted, "the file")
            equal(os.fstat(fd).st_size, size)
            os.fsync(fd)
            equal(get(f"a{size}{synced}"), wanted, "the file after fsync")
            if size >= 700 * KIB:
                hole = os.lseek(fd, 0, os.SEEK_HOLE)
                true(size // 4 <= hole < size // 4 + 4096, f"the hole is found at {hole}")


@case("punching beyond the end changes nothing but the times")
def _():
    put("a", b"text")
    fd = rw("a")
    punch(fd, 2, MIB)
    equal(get("a"), b"te\0\0")
    ctime = fixed_times("a")
    punch(fd, 10 * MIB, MIB)
    equal(os.fstat(fd).st_size, 4)
    true(moved("a", ctime), "the times stood still")


@case("what was mapped is zeros, too, where a hole is punched")
def _():
    fd = rw("a")
    write_all(fd, pattern(64 * KIB))
    view = mmap.mmap(fd, 64 * KIB)
    equal(view[100:200], pattern(64 * KIB)[100:200])
    view[5000:5004] = b"seen"
    punch(fd, 4096, 8192)
    equal(view[4096:12288], bytes(8192), "the hole in the mapping")
    equal(view[:4096], pattern(64 * KIB)[:4096])
    view[4096:4100] = b"anew"
    equal(os.pread(fd, 6, 4096), b"anew\0\0")


# --- fallocate ---

@case("fallocate grows the file with zeros, with KEEP_SIZE it does not")
def _():
    fd = rw("a")
    write_all(fd, b"text")
    fallocate(fd, 0, 0, 100 * KIB)
    equal(get("a"), b"text" + bytes(100 * KIB - 4))
    fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, MIB)
    equal(os.fstat(fd).st_size, 100 * KIB)
    fallocate(fd, 0, 0, 10)
    equal(os.fstat(fd).st_size, 100 * KIB)


@case("ZERO_RANGE zeroes, and grows the file unless KEEP_SIZE is given")
def _():
    fd = rw("a")
    write_all(fd, b"x" * 100 * KIB)
    fallocate(fd, ZERO, 10 * KIB, 20 * KIB)
    equal(get("a"), b"x" * 10 * KIB + bytes(20 * KIB) + b"x" * 70 * KIB)
    fallocate(fd, ZERO | FALLOC_FL_KEEP_SIZE, 90 * KIB, 30 * KIB)
    equal(os.fstat(fd).st_size, 100 * KIB)
    fallocate(fd, ZERO, 95 * KIB, 30 * KIB)
    equal(get("a"), b"x" * 10 * KIB + bytes(20 * KIB) + b"x" * 60 * KIB + bytes(35 * KIB))


@case("fallocate of any kind moves mtime and ctime")
def _():
    for mode in (0, FALLOC_FL_KEEP_SIZE, ZERO, ZERO | FALLOC_FL_KEEP_SIZE,
                 FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE):
        put("a", pattern(20 * KIB))
        fd = rw("a")
        ctime = fixed_times("a")
        fallocate(fd, mode, 4 * KIB, 20 * KIB)
        true(moved("a", ctime), f"with mode {mode} the times stood still")


@case("fallocate takes setuid and setgid away as a write does, not from root")
def _():
    for mode in (0, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE):
        put("a", b"text")
        os.chmod("a", 0o6777)
        fallocate(rw("a"), mode, 0, 10)
        equal(stat.S_IMODE(os.stat("a").st_mode), 0o6777, "the mode after root's")
        by(ALICE, _allocate, mode)
        equal(stat.S_IMODE(os.stat("a").st_mode), 0o777, "the mode")


def _allocate(mode):
    fallocate(os.open("a", os.O_RDWR), mode, 0, 10)


@case("fallocate refuses by errno: EINVAL, EBADF, EFBIG, ESPIPE, ENODEV, EOPNOTSUPP")
def _():
    put("a", b"text")
    fd = rw("a")
    fails(EINVAL, fallocate, fd, 0, 0, 0)
    fails(EINVAL, fallocate, fd, 0, -1, 10)
    fails(EINVAL, fallocate, fd, 0, 10, -1)
    fails(EBADF, fallocate, os.open("a", os.O_RDONLY), 0, 0, 10)
    fails(EFBIG, fallocate, fd, 0, 2**63 - 10, 20)
    fails((EOPNOTSUPP, EINVAL), fallocate, fd, FALLOC_FL_PUNCH_HOLE, 0, 1)
    fails((EOPNOTSUPP, EINVAL), fallocate, fd, 1 << 20, 0, 1)
    fails(ESPIPE, fallocate, os.pipe()[1], 0, 0, 10)
    os.mkfifo("pipe")
    fails(ESPIPE, fallocate, os.open("pipe", os.O_RDWR), 0, 0, 10)
    fails((EISDIR, EBADF), fallocate, os.open(".", os.O_RDONLY), 0, 0, 10)
    fails(ENODEV, fallocate, os.open("/dev/null", os.O_RDWR), 0, 0, 10)
    equal(get("a"), b"text")


@case("fallocate does not pass RLIMIT_FSIZE")
def _():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, MIB))
    fd = rw("a")
    fails(EFBIG, fallocate, fd, 0, 0, 2 * MIB)
    fails(EFBIG, os.ftruncate, fd, 2 * MIB)
    fails(EFBIG, os.pwrite, fd, b"x", MIB)
    equal(os.pwrite(fd, b"xyz", MIB - 2), 2)
    fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4096)


# --- what a file uses ---

@case("st_blocks counts data, not holes, before and after fsync")
def _():
    fd = rw("a")
    os.pwrite(fd, os.urandom(MIB), GIB)
    for moment in ("written", "synced"):
        true(MIB <= used("a") <= MIB + 256 * KIB, f"{used('a')} bytes are used when {moment}")
        os.fsync(fd)
    os.pwrite(fd, os.urandom(MIB), GIB)
    true(MIB <= used("a") <= MIB + 256 * KIB, f"{used('a')} bytes are used when written again")


@case("st_blocks falls with a hole and a truncation")
def _():
    fd = rw("a")
    write_all(fd, os.urandom(2 * MIB))
    os.fsync(fd)
    punch(fd, 0, MIB)
    true(MIB <= used("a") <= MIB + 256 * KIB, f"{used('a')} bytes are used beside a hole")
    os.ftruncate(fd, MIB + 64 * KIB)
    true(64 * KIB <= used("a") <= 320 * KIB, f"{used('a')} bytes are used after the truncation")
    os.ftruncate(fd, 0)
    equal(used("a"), 0)


main()
