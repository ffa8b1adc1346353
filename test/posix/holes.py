#!/usr/bin/python3 -B
"""Holes and space: SEEK_DATA and SEEK_HOLE, fallocate in its modes, sparse files."""
import mmap
import os
import random
import resource
import signal
import subprocess
import time
from errno import EBADF, EFBIG, EINVAL, ENODEV, ENXIO, EOPNOTSUPP, ESPIPE

from shared.cases import (Wrong, case, equal, fails, get, main, pattern, pread_all, put, true,
                          until)
from shared.linux import (FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE, FALLOC_FL_KEEP_SIZE,
                          FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE, fallocate, punch)

K = 1024
STEP = 64 * K  # what both ends of an extent are aligned to where exact places are asserted


def opened(path="a", flags=0):
    return os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o644)


def extents(fd):
    """[(begin, end)] of the data, as the kernel tells it."""
    found, place, size = [], 0, os.fstat(fd).st_size
    while place < size:
        try:
            begin = os.lseek(fd, place, os.SEEK_DATA)
        except OSError as problem:
            equal(problem.errno, ENXIO, "the errno of SEEK_DATA without data")
            break
        place = os.lseek(fd, begin, os.SEEK_HOLE)
        true(place > begin, "SEEK_HOLE stands still in data")
        found.append((begin, place))
    return found


def with_data(*places, size=0):
    """A file with STEP bytes of data at each of these steps."""
    fd = opened()
    for place in places:
        os.pwrite(fd, pattern(STEP, place + 1), place * STEP)
    os.ftruncate(fd, max([(place + 1) * STEP for place in places] + [size]))
    return fd


# --- SEEK_DATA, SEEK_HOLE ---

@case("SEEK_DATA and SEEK_HOLE find data written a moment ago, after fsync, and reopened")
def _():
    fd = with_data(0, 4, 5, 20, size=30 * STEP)
    wanted = [(0, STEP), (4 * STEP, 6 * STEP), (20 * STEP, 21 * STEP)]
    equal(extents(fd), wanted)
    os.fsync(fd)
    equal(extents(fd), wanted, "the extents after fsync")
    os.close(fd)
    equal(extents(opened()), wanted, "the extents of a new open")


@case("from within, SEEK_DATA stays in data and SEEK_HOLE in a hole; the end of the file is a hole")
def _():
    fd = with_data(1)
    equal(os.lseek(fd, STEP + 5, os.SEEK_DATA), STEP + 5)
    equal(os.lseek(fd, 5, os.SEEK_HOLE), 5)
    equal(os.lseek(fd, 5, os.SEEK_DATA), STEP)
    equal(os.lseek(fd, STEP + 5, os.SEEK_HOLE), 2 * STEP)
    equal(os.lseek(fd, 0, os.SEEK_CUR), 2 * STEP, "the position after a seek")


@case("SEEK_DATA and SEEK_HOLE at or past the end, and below 0, are ENXIO")
def _():
    fd = with_data(0)
    for place in (STEP, STEP + 1, 10**12, -1):
        fails(ENXIO, os.lseek, fd, place, os.SEEK_DATA)
        fails(ENXIO, os.lseek, fd, place, os.SEEK_HOLE)
    os.ftruncate(fd, 0)
    fails(ENXIO, os.lseek, fd, 0, os.SEEK_DATA)
    fails(ENXIO, os.lseek, fd, 0, os.SEEK_HOLE)


@case("SEEK_DATA is ENXIO where only a hole follows")
def _():
    fd = with_data(0, size=10 * STEP)
    fails(ENXIO, os.lseek, fd, STEP, os.SEEK_DATA)
    equal(os.lseek(fd, STEP, os.SEEK_HOLE), STEP)


@case("a few bytes far out in a hole are found, near where they are")
def _():
    fd = opened()
    place = 5 * (1 << 30) + 12345
    os.pwrite(fd, b"text", place)
    (begin, end), = extents(fd)
    true(place - STEP < begin <= place and end == place + 4, f"data is at {begin} to {end}")


@case("holes of a file of 8 TiB are found at once")
def _():
    fd = opened()
    os.ftruncate(fd, 1 << 43)
    os.pwrite(fd, b"x" * STEP, 1 << 42)
    began = time.monotonic()
    equal(extents(fd), [(1 << 42, (1 << 42) + STEP)])
    true(time.monotonic() - began < 2, "it took more than 2 s")


@case("truncate makes holes: what is cut off and grown again is none of the data")
def _():
    fd = with_data(0, 1, 2)
    os.ftruncate(fd, STEP)
    os.ftruncate(fd, 3 * STEP)
    equal(extents(fd), [(0, STEP)])


@case("cp keeps the holes of a file")
def _():
    with_data(3, size=1 << 28)
    subprocess.run(["cp", "a", "b"], check=True)
    equal(extents(opened("b")), [(3 * STEP, 4 * STEP)])
    until(lambda: os.stat("b").st_blocks * 512 < 1 << 20, "the holes are stored")


# --- fallocate ---

@case("fallocate grows a file with zeros and leaves what is there; KEEP_SIZE leaves the size")
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


@case("what is written where fallocate made room reads as written, and the rest as zeros")
def _():
    fd = opened()
    fallocate(fd, 0, 0, 1 << 20)
    os.pwrite(fd, pattern(5000), 300001)
    os.fsync(fd)
    equal(get("a") == bytes(300001) + pattern(5000) + bytes((1 << 20) - 305001), True, "equality")


@case("posix_fallocate grows a file and keeps its bytes")
def _():
    put("a", b"text")
    os.posix_fallocate(opened(), 0, 100000)
    equal(get("a"), b"text" + bytes(99996))


@case("PUNCH_HOLE makes its range zeros to the byte, and nothing else; the size stays")
def _():
    size = 400000
    for offset, length in ((0, 4096), (1, 1), (4095, 2), (65536, 131072), (100001, 99999),
                           (size - 10, 10), (size - 10, 5000), (0, size), (size, 4096)):
        put("a", pattern(size))
        fd = opened()
        punch(fd, offset, length)
        wanted = bytearray(pattern(size))
        end = min(size, offset + length)
        wanted[offset:end] = bytes(end - offset)
        equal(get("a") == bytes(wanted), True, f"equality after {offset}, {length}")
        os.fsync(fd)
        equal(get("a") == bytes(wanted), True, f"equality after {offset}, {length} and fsync")
        os.close(fd)


@case("a punched range is a hole to SEEK_DATA, and its space is free")
def _():
    fd = opened()
    os.write(fd, os.urandom(64 * STEP))
    os.fsync(fd)
    punch(fd, STEP, 62 * STEP)
    equal(extents(fd), [(0, STEP), (63 * STEP, 64 * STEP)])
    until(lambda: os.fstat(fd).st_blocks * 512 <= 3 * STEP, "the hole is stored")
    os.pwrite(fd, b"x" * STEP, 30 * STEP)
    equal(extents(fd), [(0, STEP), (30 * STEP, 31 * STEP), (63 * STEP, 64 * STEP)])


@case("ZERO_RANGE makes zeros, grows the file, and with KEEP_SIZE does not")
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
    """False where the filesystem, or FUSE, says that it cannot."""
    try:
        call(*args)
        return True
    except OSError as problem:
        if problem.errno == EOPNOTSUPP:
            return False
        raise


@case("COLLAPSE_RANGE takes aligned bytes out, or is EOPNOTSUPP and changes nothing")
def _():
    data = pattern(10 * STEP)
    put("a", data)
    fd = opened()
    if or_unsupported(fallocate, fd, FALLOC_FL_COLLAPSE_RANGE, STEP, 3 * STEP):
        data = data[:STEP] + data[4 * STEP:]
        fails(EINVAL, fallocate, fd, FALLOC_FL_COLLAPSE_RANGE, 5, STEP)
        fails(EINVAL, fallocate, fd, FALLOC_FL_COLLAPSE_RANGE, 0, len(data))
    equal(get("a") == data, True, "equality")


@case("INSERT_RANGE puts an aligned hole in, or is EOPNOTSUPP and changes nothing")
def _():
    data = pattern(10 * STEP)
    put("a", data)
    fd = opened()
    if or_unsupported(fallocate, fd, FALLOC_FL_INSERT_RANGE, STEP, 3 * STEP):
        data = data[:STEP] + bytes(3 * STEP) + data[STEP:]
        fails(EINVAL, fallocate, fd, FALLOC_FL_INSERT_RANGE, 5, STEP)
        fails(EINVAL, fallocate, fd, FALLOC_FL_INSERT_RANGE, len(data), STEP)
    equal(get("a") == data, True, "equality")


@case("fallocate's errors: EINVAL for no length, EBADF, EOPNOTSUPP, ESPIPE, EFBIG")
def _():
    put("a", b"text")
    os.mkdir("d")
    fd = opened()
    for mode in (0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                 FALLOC_FL_ZERO_RANGE):
        for offset, size in ((0, 0), (0, -1), (-1, 10)):
            fails(EINVAL, fallocate, fd, mode, offset, size)
        fails(EBADF, fallocate, os.open("a", os.O_RDONLY), mode, 0, 10)
    fails(EOPNOTSUPP, fallocate, fd, FALLOC_FL_PUNCH_HOLE, 0, 10)
    fails(EOPNOTSUPP, fallocate, fd, 0x4000, 0, 10)
    fails(EFBIG, fallocate, fd, 0, 2**62, 2**62)
    fails(EBADF, fallocate, os.open("d", os.O_RDONLY), 0, 0, 10)
    os.mkfifo("fifo")
    fails(ESPIPE, fallocate, os.open("fifo", os.O_RDWR), 0, 0, 10)
    os.mknod("null", 0o20600, os.makedev(1, 3))
    fails(ENODEV, fallocate, os.open("null", os.O_RDWR), 0, 0, 10)
    equal(get("a"), b"text")


@case("fallocate beyond RLIMIT_FSIZE is EFBIG")
def _():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
    fd = opened()
    fails(EFBIG, fallocate, fd, 0, 0, 10001)
    fallocate(fd, 0, 0, 10000)


@case("a hole that is punched under a mapping is zeros in it")
def _():
    put("a", pattern(100000))
    fd = opened()
    with mmap.mmap(fd, 100000) as area:
        equal(area[50000:50008], pattern(100000)[50000:50008])
        punch(fd, 40001, 20000)
        equal(area[40000:60002], pattern(100000)[40000:40001] + bytes(20000)
              + pattern(100000)[60001:60002])


@case("400 random writes, punches, zeroings and cuts agree with the same done in memory")
def _():
    seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
    print(f"    SEED={seed}")
    dice = random.Random(seed)
    fd, data = opened(), bytearray()
    for step in range(400):
        offset, length = dice.randrange(500000), dice.choice((1, 512, 4096, 50000, 200000))
        act, end = dice.randrange(6), offset + length
        if act < 2:
            piece = dice.randbytes(length)
            os.pwrite(fd, piece, offset)
            data.extend(bytes(max(0, end - len(data))))
            data[offset:end] = piece
        elif act == 2:
            punch(fd, offset, length)
            within = data[offset:end]
            data[offset:end] = bytes(len(within))
        elif act == 3:
            fallocate(fd, FALLOC_FL_ZERO_RANGE, offset, length)
            data.extend(bytes(max(0, end - len(data))))
            data[offset:end] = bytes(length)
        elif act == 4:
            os.ftruncate(fd, offset)
            data = data[:offset] + bytes(max(0, offset - len(data)))
        else:
            os.fsync(fd)
        _same(fd, data, f"step {step}")


def _same(fd, data, when):
    equal(pread_all(fd, 1 << 20, 0) == data, True, f"equality at {when}")
    place = 0
    for begin, end in [*extents(fd), (len(data), len(data))]:
        if any(data[place:begin]):
            raise Wrong(f"at {when} there is data between {place} and {begin}, told to be a hole")
        place = end


main()
