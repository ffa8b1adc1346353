#!/usr/bin/python3 -B
"""fallocate in its modes: extending, reserving, holes, zeros."""
import mmap
import os
import resource
import signal
import stat
from errno import EBADF, EFBIG, EINVAL, ENODEV, ENXIO, EOPNOTSUPP, ESPIPE

from shared.cases import (Wrong, case, dice, equal, fails, get, main, opened, pattern, put, true,
                          until)
from shared.contents import Mirror, extents
from shared.linux import (FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE, FALLOC_FL_KEEP_SIZE,
                          FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE, fallocate, punch)
from shared.people import ALICE, by

STEP = 64 << 10  # the alignment of extents whose exact places are asserted
MODES = (0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
         FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE)


def fixed_times(path):
    os.utime(path, (1, 1))
    return os.stat(path).st_ctime_ns


def moved(path, ctime):
    """Whether both times that a change updates have been updated."""
    now = os.stat(path)
    return now.st_mtime > 1 and now.st_ctime_ns > ctime


# --- extending ---

@case("fallocate extends a file with zeros and keeps its bytes; KEEP_SIZE keeps the size")
def _():
    put("a", pattern(10000))
    fd = opened()
    fallocate(fd, 0, 5000, 20000)
    equal(os.fstat(fd).st_size, 25000, "the size")
    equal(get("a"), pattern(10000) + bytes(15000))
    fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 1 << 20)
    equal(os.fstat(fd).st_size, 25000, "the size")
    fallocate(fd, 0, 0, 100)
    equal(get("a"), pattern(10000) + bytes(15000))


@case("a write into allocated space reads as written, and the rest reads as zeros")
def _():
    fd = opened()
    fallocate(fd, 0, 0, 1 << 20)
    os.pwrite(fd, pattern(5000), 300001)
    os.fsync(fd)
    equal(get("a") == bytes(300001) + pattern(5000) + bytes((1 << 20) - 305001), True, "equality")


@case("posix_fallocate extends a file and keeps its bytes")
def _():
    put("a", b"text")
    os.posix_fallocate(opened(), 0, 100000)
    equal(get("a"), b"text" + bytes(99996))


# --- reserved space ---

def used(fd):
    return os.fstat(fd).st_blocks * 512


@case("fallocate reserves its space at once and only once, with and without KEEP_SIZE")
def _():
    fd = opened()
    fallocate(fd, 0, 0, 4 * STEP)
    equal(used(fd), 4 * STEP, "what is used")
    fallocate(fd, FALLOC_FL_KEEP_SIZE, 2 * STEP, 4 * STEP)
    equal(used(fd), 6 * STEP, "what is used with more behind the end")
    equal(os.fstat(fd).st_size, 4 * STEP, "the size")
    os.pwrite(fd, os.urandom(6 * STEP), 0)
    equal(used(fd), 6 * STEP, "what is used once it is written")
    os.fsync(fd)
    equal(used(fd), 6 * STEP, "what is used once it is synced")
    fallocate(fd, 0, 0, 6 * STEP)
    equal(used(fd), 6 * STEP, "what is used where all was there")
    os.close(fd)
    equal(used(opened()), 6 * STEP, "what is used when opened again")


@case("a range reserves every page that it touches, and a write there uses no more")
def _():
    for moment in ("unsynced", "synced"):
        put("a")
        fd = opened()
        fallocate(fd, 0, 4095, 2)
        equal(used(fd), 8192, "what is used")
        os.pwrite(fd, b"xy", 4095)
        if moment == "synced":
            os.fsync(fd)
        equal(used(fd), 8192, f"what is used when it is written, {moment}")
        equal(get("a"), bytes(4095) + b"xy")
        os.close(fd)
        os.unlink("a")


@case("reserved space that is not written is a hole that reads as zeros")
def _():
    fd = opened()
    fallocate(fd, 0, 0, 10 * STEP)
    fails(ENXIO, os.lseek, fd, 0, os.SEEK_DATA)
    equal(os.lseek(fd, 5, os.SEEK_HOLE), 5)
    os.pwrite(fd, pattern(2 * STEP), 3 * STEP)
    for moment in ("written", "synced"):
        equal(extents(fd), [(3 * STEP, 5 * STEP)], f"the extents when {moment}")
        os.fsync(fd)
    equal(get("a") == bytes(3 * STEP) + pattern(2 * STEP) + bytes(5 * STEP), True, "equality")


@case("PUNCH_HOLE frees whole pages, written or not; ZERO_RANGE reserves them")
def _():
    fd = opened()
    fallocate(fd, 0, 0, 3 * STEP)
    os.pwrite(fd, pattern(3 * STEP), 0)
    os.fsync(fd)
    punch(fd, STEP, STEP)
    os.fsync(fd)
    equal(used(fd), 2 * STEP, "what is used beside a hole")
    equal(os.lseek(fd, 0, os.SEEK_HOLE), STEP, "where the hole is")
    fallocate(fd, FALLOC_FL_ZERO_RANGE, STEP - 1, STEP + 2)
    os.fsync(fd)
    equal(used(fd), 3 * STEP, "what is used once zeros lie over the hole")
    wanted = pattern(3 * STEP)[:STEP - 1] + bytes(STEP + 2) + pattern(3 * STEP)[2 * STEP + 1:]
    equal(get("a") == wanted, True, "equality")
    fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, 5 * STEP)
    equal(used(fd), 5 * STEP, "what is used once zeros are all there is")
    punch(fd, STEP + 10, STEP - 20)
    less = 5 * STEP - (STEP - 8192)  # not counting the extent tree that ext4 needs
    true(less <= used(fd) <= less + 4096, f"{used(fd)} bytes are used, not {less}")
    punch(fd, 0, 3 * STEP)
    true(2 * STEP <= used(fd) <= 2 * STEP + 4096, f"{used(fd)} bytes are used behind the end")


@case("truncate frees the space reserved beyond the end, even to the same size")
def _():
    fd = opened()
    os.pwrite(fd, pattern(STEP), 0)
    fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 10 * STEP)
    os.ftruncate(fd, 2 * STEP)
    equal(used(fd), 10 * STEP, "what is used when the file has grown")
    os.ftruncate(fd, 2 * STEP)
    until(lambda: used(fd) == 2 * STEP, f"{used(fd)} bytes are used where the size stayed")
    fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 10 * STEP)
    os.ftruncate(fd, STEP)
    until(lambda: used(fd) == STEP, f"{used(fd)} bytes are used where it was cut")
    fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 10 * STEP)
    os.close(os.open("a", os.O_WRONLY | os.O_TRUNC))
    until(lambda: used(fd) == 0, f"{used(fd)} bytes are used after O_TRUNC")


# --- holes and zeros ---

@case("PUNCH_HOLE zeros its range, exact to the byte, and keeps the size")
def _():
    size = 400000
    for offset, length in ((0, 4096), (1, 1), (4095, 2), (65536, 131072), (100001, 99999),
                           (size - 10, 10), (size - 10, 5000), (0, size), (size, 4096)):
        for synced in (False, True):
            put("a", pattern(size))
            fd = opened()
            if synced:
                os.fsync(fd)
            punch(fd, offset, length)
            wanted = bytearray(pattern(size))
            end = min(size, offset + length)
            wanted[offset:end] = bytes(end - offset)
            equal(get("a") == bytes(wanted), True, f"equality after {offset}, {length}")
            os.fsync(fd)
            equal(get("a") == bytes(wanted), True, f"equality after {offset}, {length} and fsync")
            os.close(fd)


@case("SEEK_DATA skips a punched range, and its space is free")
def _():
    fd = opened()
    os.write(fd, os.urandom(64 * STEP))
    os.fsync(fd)
    punch(fd, STEP, 62 * STEP)
    equal(extents(fd), [(0, STEP), (63 * STEP, 64 * STEP)])
    until(lambda: os.fstat(fd).st_blocks * 512 <= 3 * STEP, "the hole is stored")
    os.pwrite(fd, b"x" * STEP, 30 * STEP)
    equal(extents(fd), [(0, STEP), (30 * STEP, 31 * STEP), (63 * STEP, 64 * STEP)])


@case("a hole between odd offsets of a small or large file is found and reads as zeros")
def _():
    for size in (6000, 700001, 9 << 20):
        data = pattern(size)
        put("a", data)
        fd = opened()
        punch(fd, size // 4, size // 2)
        equal(get("a") == data[:size // 4] + bytes(size // 2) + data[size // 4 + size // 2:], True,
              f"equality of {size} bytes")
        if size > STEP:
            hole = os.lseek(fd, 0, os.SEEK_HOLE)
            true(size // 4 <= hole < size // 4 + 4096, f"the hole is found at {hole}")
        os.close(fd)


@case("punching beyond the end keeps the size and updates the times")
def _():
    put("a", b"text")
    fd = opened()
    punch(fd, 2, 1 << 20)
    equal(get("a"), b"te\0\0")
    ctime = fixed_times("a")
    punch(fd, 10 << 20, 1 << 20)
    equal(os.fstat(fd).st_size, 4)
    true(moved("a", ctime), "the times stood still")


@case("ZERO_RANGE writes zeros and extends the file; with KEEP_SIZE it does not extend it")
def _():
    put("a", pattern(100000))
    fd = opened()
    fallocate(fd, FALLOC_FL_ZERO_RANGE, 5001, 10000)
    wanted = pattern(100000)[:5001] + bytes(10000) + pattern(100000)[15001:]
    equal(get("a") == wanted, True, "equality")
    fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 90000, 50000)
    equal(os.fstat(fd).st_size, 100000, "the size")
    fallocate(fd, FALLOC_FL_ZERO_RANGE, 95000, 10000)
    equal(get("a") == wanted[:90000] + bytes(15000), True, "equality after growth")


def or_unsupported(call, *args):
    """Returns False if the filesystem, or FUSE, does not support the mode."""
    try:
        call(*args)
        return True
    except OSError as problem:
        if problem.errno == EOPNOTSUPP:
            return False
        raise


def shifts(mode, shifted, too_far):
    """Checks the file after the mode is applied to the second of its steps, if it is supported."""
    data = pattern(10 * STEP)
    put("a", data)
    fd = opened()
    if or_unsupported(fallocate, fd, mode, STEP, 3 * STEP):
        data = shifted(data)
        fails(EINVAL, fallocate, fd, mode, 5, STEP)
        fails(EINVAL, fallocate, fd, mode, *too_far(len(data)))
    equal(get("a") == data, True, "equality")


@case("COLLAPSE_RANGE removes aligned bytes, or fails with EOPNOTSUPP and changes nothing")
def _():
    shifts(FALLOC_FL_COLLAPSE_RANGE, lambda data: data[:STEP] + data[4 * STEP:],
           lambda size: (0, size))


@case("INSERT_RANGE inserts an aligned hole, or fails with EOPNOTSUPP and changes nothing")
def _():
    shifts(FALLOC_FL_INSERT_RANGE, lambda data: data[:STEP] + bytes(3 * STEP) + data[STEP:],
           lambda size: (size, STEP))


@case("a hole punched under a mapping reads as zeros there, and can be written again")
def _():
    put("a", pattern(100000))
    fd = opened()
    with mmap.mmap(fd, 100000) as area:
        equal(area[50000:50008], pattern(100000)[50000:50008])
        area[50000:50004] = b"seen"
        punch(fd, 40001, 20000)
        equal(area[40000:60002], pattern(100000)[40000:40001] + bytes(20000)
              + pattern(100000)[60001:60002])
        area[50000:50004] = b"anew"
        equal(os.pread(fd, 6, 50000), b"anew\0\0")


@case("400 random writes, punches, zeroings and truncations agree with a model in memory")
def _():
    chance = dice()
    mirror = Mirror(opened())
    for step in range(400):
        offset, length = chance.randrange(500000), chance.choice((1, 512, 4096, 50000, 200000))
        act = chance.randrange(6)
        if act < 2:
            mirror.write(offset, chance.randbytes(length))
        elif act == 2:
            mirror.punch(offset, length)
        elif act == 3:
            mirror.zero(offset, length)
        elif act == 4:
            mirror.truncate(offset)
        else:
            os.fsync(mirror.fd)
        mirror.check(f"step {step}")
        _holes_are_zeros(mirror, step)


def _holes_are_zeros(mirror, step):
    place, size = 0, len(mirror.data)
    for begin, end in [*extents(mirror.fd), (size, size)]:
        if any(mirror.data[place:begin]):
            raise Wrong(f"at step {step} the data between {place} and {begin} is told to be a hole")
        place = end


# --- all modes ---

@case("fallocate in every mode updates mtime and ctime")
def _():
    for mode in MODES:
        put("a", pattern(20000))
        ctime = fixed_times("a")
        fallocate(opened(), mode, 4000, 20000)
        true(moved("a", ctime), f"with mode {mode} the times stood still")


@case("fallocate clears setuid and setgid as a write does, except for root")
def _():
    for mode in MODES:
        put("a", b"text")
        os.chmod("a", 0o6777)
        fallocate(opened(), mode, 0, 10)
        equal(stat.S_IMODE(os.stat("a").st_mode), 0o6777, "the mode after root's")
        by(ALICE, _allocate, mode)
        equal(stat.S_IMODE(os.stat("a").st_mode), 0o777, "the mode")


def _allocate(mode):
    fallocate(os.open("a", os.O_RDWR), mode, 0, 10)


@case("fallocate fails with EINVAL, EBADF, EOPNOTSUPP, EFBIG, ESPIPE and ENODEV")
def _():
    put("a", b"text")
    os.mkdir("d")
    fd = opened()
    for mode in MODES:
        for offset, size in ((0, 0), (0, -1), (-1, 10)):
            fails(EINVAL, fallocate, fd, mode, offset, size)
        fails(EBADF, fallocate, os.open("a", os.O_RDONLY), mode, 0, 10)
    fails(EOPNOTSUPP, fallocate, fd, FALLOC_FL_PUNCH_HOLE, 0, 10)
    fails(EOPNOTSUPP, fallocate, fd, 0x4000, 0, 10)
    for offset, size in ((2**62, 2**62), (2**63 - 10, 20)):
        fails(EFBIG, fallocate, fd, 0, offset, size)
    fails(EBADF, fallocate, os.open("d", os.O_RDONLY), 0, 0, 10)
    os.mkfifo("fifo")
    for pipe in (os.open("fifo", os.O_RDWR), os.pipe()[1]):
        fails(ESPIPE, fallocate, pipe, 0, 0, 10)
    os.mknod("null", 0o20600, os.makedev(1, 3))
    fails(ENODEV, fallocate, os.open("null", os.O_RDWR), 0, 0, 10)
    equal(get("a"), b"text")


@case("fallocate beyond RLIMIT_FSIZE fails with EFBIG")
def _():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
    fd = opened()
    fails(EFBIG, fallocate, fd, 0, 0, 10001)
    fallocate(fd, 0, 0, 10000)
    fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4096)


main()
