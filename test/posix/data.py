#!/usr/bin/python3 -B
"""Bytes of files: reads, writes, appends, truncation, large offsets, O_DIRECT, O_SYNC, syncing."""
import ctypes
import fcntl
import mmap
import os
import random
import resource
import signal
from errno import EBADF, EFAULT, EFBIG, EINVAL, EISDIR

from shared.cases import case, dice, equal, fails, get, main, opened, pattern, pread_all, put, true
from shared.contents import Mirror
from shared.linux import call
from shared.people import elsewhere, start

EDGES = (1, 511, 512, 4095, 4096, 4097, 8191, 65535, 65536, 65537, 131071, 131072, 131073,
         (1 << 20) - 1, 1 << 20, (1 << 20) + 1)


# --- read and write ---

@case("files of every size around pages, blocks and frames read as they were written")
def _():
    for size in (0, *EDGES):
        put("a", pattern(size, size))
        equal(os.stat("a").st_size, size, "the size")
        equal(get("a") == pattern(size, size), True, f"equality of {size} bytes")


@case("a read that reaches the end is short, and the next read returns nothing")
def _():
    put("a", b"0123456789")
    fd = opened()
    equal(os.read(fd, 7), b"0123456")
    equal(os.read(fd, 7), b"789")
    equal(os.read(fd, 7), b"")
    equal(os.pread(fd, 7, 10), b"")
    equal(os.pread(fd, 7, 10**12), b"")


@case("a file of scattered single bytes is read whole by one read")
def _():
    fd = opened()
    for offset in range(0, 128 << 10, 64):
        os.pwrite(fd, b"x", offset)
    buffer = mmap.mmap(-1, 128 << 10)
    direct = opened(flags=os.O_DIRECT)
    equal(os.preadv(direct, [buffer], 0), (128 << 10) - 63)
    equal(bytes(buffer), (b"x" + bytes(63)) * 2048, "the bytes")


@case("one write and one read transfer 8 MiB")
def _():
    data = pattern(8 << 20)
    fd = opened()
    equal(os.write(fd, data), len(data), "what write took")
    equal(len(os.pread(fd, len(data), 0)), len(data), "what read gave")
    equal(get("a") == data, True, "equality")


@case("a write in the middle changes only its own bytes")
def _():
    size = 300000
    data = bytearray(pattern(size))
    put("a", data)
    fd = opened()
    for offset, length in ((0, 1), (4095, 2), (65530, 12), (131072, 4096), (100001, 70001),
                           (size - 1, 1), (12288, 4096)):
        piece = os.urandom(length)
        equal(os.pwrite(fd, piece, offset), length)
        data[offset:offset + length] = piece
    equal(get("a") == bytes(data), True, "equality")


@case("500 random writes, reads and truncations agree with a model in memory")
def _():
    chance = dice()
    mirror = Mirror(opened())
    for step in range(500):
        offset, length = chance.randrange(600000), chance.choice((1, 100, 4096, 70000))
        act = chance.randrange(6)
        if act < 3:
            mirror.write(offset, chance.randbytes(length))
        elif act == 3:
            mirror.truncate(offset)
        elif act == 4:
            os.close(mirror.fd)
            mirror.fd = opened()
        mirror.check(f"step {step}", offset, length)
    mirror.check("the end")


@case("readv, writev, preadv and pwritev use the buffers in order")
def _():
    fd = opened()
    parts = [pattern(n, n) for n in (1, 5000, 0, 70000, 3)]
    equal(os.writev(fd, parts), sum(map(len, parts)))
    equal(get("a") == b"".join(parts), True, "equality")
    equal(os.pwritev(fd, [b"ab", b"cd"], 10), 4)
    into = [bytearray(2), bytearray(3)]
    equal(os.preadv(fd, into, 10), 5)
    equal(bytes(into[0] + into[1])[:4], b"abcd")
    equal(os.writev(fd, [b"x"] * 1024), 1024)
    fails(EINVAL, os.writev, fd, [b"x"] * 1025)


@case("a write of zero bytes returns 0 and does not extend the file")
def _():
    fd = opened()
    equal(os.pwrite(fd, b"", 1000), 0)
    equal(os.fstat(fd).st_size, 0)


@case("a process reads at once what another one wrote, before any close or sync")
def _():
    fd = opened()
    for n in range(30):
        os.pwrite(fd, b"%05d" % n, 5 * n)
        equal(elsewhere(get, "a")[5 * n:], b"%05d" % n)
        equal(elsewhere(lambda: os.stat("a").st_size), 5 * n + 5, "the size")
    elsewhere(os.truncate, "a", 3)
    equal(os.pread(fd, 10, 0), b"000")


@case("two writers of one page keep each other's bytes")
def _():
    put("a", bytes(4096))

    def write(begin):
        fd = os.open("a", os.O_RDWR)
        for offset in range(begin, 4096, 2):
            os.pwrite(fd, b"%d" % (begin + 1), offset)
    for one in [start(write, 0), start(write, 1)]:
        one.result()
    equal(get("a") == b"12" * 2048, True, "equality")


@case("concurrent writes of the same range do not mix")
def _():
    size = 1 << 18
    put("a", bytes(size))

    def write(letter):
        fd = os.open("a", os.O_RDWR)
        for _ in range(20):
            os.pwrite(fd, letter * size, 0)
    for one in [start(write, b"a"), start(write, b"b")]:
        one.result()
    equal(len(set(get("a"))), 1, "the number of different letters")


# --- the position ---

@case("lseek works from start, position and end, and beyond the end; below 0 it fails with EINVAL")
def _():
    put("a", b"0123456789")
    fd = opened()
    equal(os.lseek(fd, 3, os.SEEK_SET), 3)
    equal(os.lseek(fd, 2, os.SEEK_CUR), 5)
    equal(os.lseek(fd, -1, os.SEEK_END), 9)
    equal(os.read(fd, 5), b"9")
    fails(EINVAL, os.lseek, fd, -1, os.SEEK_SET)
    fails(EINVAL, os.lseek, fd, -11, os.SEEK_END)
    fails(EINVAL, os.lseek, fd, 0, 99)
    equal(os.lseek(fd, 0, os.SEEK_CUR), 10, "the position after failures")
    equal(os.lseek(fd, 100, os.SEEK_END), 110)
    equal(os.fstat(fd).st_size, 10, "the size after a seek")
    os.write(fd, b"x")
    equal(get("a"), b"0123456789" + bytes(100) + b"x")


@case("pread and pwrite keep the position; a dup and a child share it, another open does not")
def _():
    put("a", b"0123456789")
    fd, other = opened(), opened()
    os.lseek(fd, 4, os.SEEK_SET)
    os.pread(fd, 2, 8)
    os.pwrite(fd, b"x", 0)
    equal(os.lseek(fd, 0, os.SEEK_CUR), 4)
    os.read(os.dup(fd), 1)
    elsewhere(os.read, fd, 2)
    equal(os.lseek(fd, 0, os.SEEK_CUR), 7)
    equal(os.lseek(other, 0, os.SEEK_CUR), 0)


# --- append ---

@case("O_APPEND writes at the end, wherever the position is and whoever extended the file")
def _():
    put("a", b"start")
    fd = opened(flags=os.O_APPEND)
    os.lseek(fd, 0, os.SEEK_SET)
    os.write(fd, b"+1")
    equal(os.lseek(fd, 0, os.SEEK_CUR), 7, "the position after an append")
    elsewhere(lambda: os.pwrite(opened(), b"+far", 100))
    os.write(fd, b"+2")
    equal(get("a"), b"start+1" + bytes(93) + b"+far+2")
    elsewhere(os.truncate, "a", 3)
    os.write(fd, b"+3")
    equal(get("a"), b"sta+3")


@case("four appending processes lose nothing and mix nothing")
def _():
    put("a")

    def append(number):
        fd = opened(flags=os.O_APPEND)
        for n in range(200):
            os.write(fd, b"%d:%03d:" % (number, n) + b"%d" % number * (n % 300) + b"\n")
    for one in [start(append, n) for n in range(4)]:
        one.result()
    lines = get("a").splitlines()
    wanted = {b"%d:%03d:" % (m, n) + b"%d" % m * (n % 300) for m in range(4) for n in range(200)}
    equal(len(lines), 800, "the number of lines")
    equal(set(lines) == wanted, True, "equality of the lines")


@case("O_APPEND can be set and cleared on an open file, and RWF_APPEND appends a single write")
def _():
    put("a", b"0123456789")
    fd = opened()
    fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)
    os.write(fd, b"end")
    fcntl.fcntl(fd, fcntl.F_SETFL, 0)
    os.pwrite(fd, b"start", 0)
    os.pwritev(fd, [b"!"], 0, os.RWF_APPEND)
    equal(get("a"), b"start56789end!")


@case("pwrite on a file opened with O_APPEND appends, as on Linux")
def _():
    put("a", b"0123456789")
    os.pwrite(opened(flags=os.O_APPEND), b"x", 2)
    equal(get("a"), b"0123456789x")


# --- truncate ---

@case("truncate shortens a file and extends it with zeros, at and around every boundary")
def _():
    whole = pattern(300000)
    for size in EDGES[:13]:
        put("a", whole)
        os.truncate("a", size)
        equal(os.stat("a").st_size, size, "the size")
        os.truncate("a", 310000)
        equal(get("a") == whole[:size] + bytes(310000 - size), True, f"equality over {size}")


@case("truncated bytes do not reappear when truncate or a write extends the file")
def _():
    for size in EDGES[:13]:
        for grow in (lambda fd: os.ftruncate(fd, 200000), lambda fd: os.pwrite(fd, b"\0", 199999)):
            put("a", pattern(200000))
            fd = opened()
            os.ftruncate(fd, size)
            grow(fd)
            equal(get("a") == pattern(200000)[:size] + bytes(200000 - size), True,
                  f"equality after a cut to {size}")
            os.close(fd)


@case("O_TRUNC empties a file for all its opens, and they write on at their positions")
def _():
    put("a", pattern(100000))
    fd = opened()
    os.lseek(fd, 10, os.SEEK_SET)
    os.close(opened(flags=os.O_TRUNC))
    equal(os.fstat(fd).st_size, 0, "the size")
    equal(os.read(fd, 10), b"")
    os.write(fd, b"x")
    equal(get("a"), bytes(10) + b"x")


@case("truncate fails with EINVAL below 0 and on a read-only descriptor, and with EISDIR")
def _():
    put("a", b"text")
    os.mkdir("d")
    fails(EINVAL, os.truncate, "a", -1)
    fails(EISDIR, os.truncate, "d", 0)
    fails((EINVAL, EBADF), os.ftruncate, os.open("a", os.O_RDONLY), 0)
    equal(get("a"), b"text")


# --- large offsets ---

@case("bytes are kept at offsets up to 16 TiB, with zeros between")
def _():
    fd = opened()
    places = [2**31 - 3, 2**32 - 3, 2**32 + 50, 2**40, 2**43 + 7, 2**44 - 8192]
    for place in places:
        equal(os.pwrite(fd, b"<%d>" % place, place), len(b"<%d>" % place))
        equal(os.fstat(fd).st_size, place + len(b"<%d>" % place), "the size")
    os.fsync(fd)
    for place in places:
        equal(os.pread(fd, 20, place).rstrip(b"\0"), b"<%d>" % place)
        equal(os.pread(fd, 5, place - 5000), bytes(5))
    os.ftruncate(fd, 2**40 + 2)
    equal(os.pread(fd, 20, 2**40), b"<1")
    true(os.fstat(fd).st_blocks * 512 < 1 << 20, "the holes are stored")


@case("a write at 2^62 is kept, or fails with EFBIG; a write beyond 2^63 fails with EINVAL")
def _():
    fd = opened()
    os.write(fd, b"text")
    try:
        os.pwrite(fd, b"far", 2**62)
        os.fsync(fd)
        equal(os.pread(fd, 10, 2**62), b"far")
        equal(os.fstat(fd).st_size, 2**62 + 3, "the size")
        os.ftruncate(fd, 4)
    except OSError as problem:
        equal(problem.errno, EFBIG, "the errno of a write")
        fails(EFBIG, os.ftruncate, fd, 2**62)
    fails(EINVAL, os.pwrite, fd, b"text", 2**63 - 2)
    fails(EINVAL, os.pwrite, fd, b"x", -1)
    fails(EINVAL, os.pread, fd, 1, -1)
    equal(get("a"), b"text")


@case("a write stops at RLIMIT_FSIZE, and one beyond it fails with EFBIG and SIGXFSZ")
def _():
    came = []
    signal.signal(signal.SIGXFSZ, lambda *_: came.append(1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
    fd = opened()
    equal(os.pwrite(fd, bytes(8000), 5000), 5000, "what is written up to the limit")
    fails(EFBIG, os.pwrite, fd, b"x", 10000)
    fails(EFBIG, os.ftruncate, fd, 10001)
    equal((os.fstat(fd).st_size, len(came)), (10000, 2), "the size and the signals")


# --- errors ---

@case("a call that does not fit how a descriptor was opened fails with EBADF or EISDIR")
def _():
    put("a", b"text")
    os.mkdir("d")
    reader, writer = os.open("a", os.O_RDONLY), os.open("a", os.O_WRONLY)
    fails(EBADF, os.write, reader, b"x")
    fails(EBADF, os.pwrite, reader, b"x", 0)
    fails(EBADF, os.read, writer, 1)
    fails(EBADF, os.pread, writer, 1, 0)
    directory = os.open("d", os.O_RDONLY)
    fails(EISDIR, os.read, directory, 1)
    fails(EBADF, os.write, directory, b"x")
    fails(EBADF, os.read, os.open("a", os.O_PATH), 1)


@case("a bad buffer fails with EFAULT and leaves the file unchanged")
def _():
    put("a", b"text")
    fd = opened()
    fails(EFAULT, call, "pwrite", fd, ctypes.c_void_p(4096), 10, 0)
    fails(EFAULT, call, "pread", fd, ctypes.c_void_p(4096), 4, 0)
    equal(get("a"), b"text")


# --- O_DIRECT, O_SYNC, syncing ---

def aligned(data):
    area = mmap.mmap(-1, len(data))
    area[:] = data
    return area


@case("O_DIRECT writes are visible to others at once, and O_DIRECT reads stop at the end")
def _():
    size = 1 << 20
    fd, direct = opened(), opened(flags=os.O_DIRECT)
    data = pattern(size)
    equal(os.pwrite(direct, aligned(data), 0), size)
    equal(pread_all(fd, size, 0) == data, True, "equality by another descriptor")
    os.pwrite(fd, b"buffered", 4096)
    into = aligned(bytes(8192))
    equal(os.preadv(direct, [into], 0), 8192)
    equal(into[4096:4104], b"buffered", "what O_DIRECT reads after a buffered write")
    os.ftruncate(fd, size - 4096 + 100)
    equal(os.preadv(direct, [into], size - 4096), 100, "what is read up to the end")
    equal(os.preadv(direct, [into], size), 0, "what is read past the end")


@case("alternating O_DIRECT and buffered calls agree with a model in memory")
def _():
    chance = random.Random(7)
    fd, direct = opened(), opened(flags=os.O_DIRECT)
    data = bytearray(1 << 20)
    os.ftruncate(fd, len(data))
    for _ in range(150):
        place, length = chance.randrange(240) * 4096, chance.randrange(1, 16) * 4096
        if chance.random() < 0.5:
            piece = chance.randbytes(length)
            os.pwrite(chance.choice((fd, direct)), aligned(piece), place)
            data[place:place + length] = piece
        into = aligned(bytes(length))
        got = os.preadv(chance.choice((fd, direct)), [into], place)
        equal(into[:got] == data[place:place + length], True, "equality")
        true(got == min(length, len(data) - place), "a short read")


@case("writes with O_SYNC, O_DSYNC and RWF_DSYNC have the same results as others")
def _():
    for flags in (os.O_SYNC, os.O_DSYNC, os.O_SYNC | os.O_APPEND, os.O_DIRECT | os.O_DSYNC):
        fd = opened(f"a{flags}", flags)
        for n in range(3):
            os.write(fd, aligned(pattern(8192, n)))
        equal(get(f"a{flags}") == b"".join(pattern(8192, n) for n in range(3)), True)
    fd = opened()
    os.pwritev(fd, [b"text"], 5, os.RWF_DSYNC)
    os.pwritev(fd, [b"t"], 0, os.RWF_SYNC)
    equal(get("a"), b"t" + bytes(4) + b"text")


@case("fsync and fdatasync work on read-only files, directories and unlinked files")
def _():
    put("a", pattern(100000))
    os.mkdir("d")
    put("d/b")
    for path in ("a", "d", "."):
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.fdatasync(fd)
        call("syncfs", fd)
    fd = opened("c")
    os.write(fd, pattern(100000))
    call("sync_file_range", fd, 0, 50000, 7)
    os.unlink("c")
    os.fsync(fd)
    os.fdatasync(fd)
    os.sync()
    fails(EBADF, os.fsync, os.open("a", os.O_PATH))


@case("posix_fadvise and readahead change no data, and fail with EINVAL for bad advice")
def _():
    put("a", pattern(500000))
    fd = opened()
    for advice in (os.POSIX_FADV_NORMAL, os.POSIX_FADV_SEQUENTIAL, os.POSIX_FADV_RANDOM,
                   os.POSIX_FADV_WILLNEED, os.POSIX_FADV_NOREUSE, os.POSIX_FADV_DONTNEED):
        os.posix_fadvise(fd, 0, 0, advice)
        os.posix_fadvise(fd, 100000, 50000, advice)
        equal(pread_all(fd, 500000, 0) == pattern(500000), True, f"equality after advice {advice}")
    equal(call("readahead", fd, 0, 200000), 0)
    fails(EINVAL, os.posix_fadvise, fd, 0, 0, 99)


@case("a file that was closed and dropped from the cache reads as it was written")
def _():
    put("a", pattern(3000000))
    fd = opened()
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    equal(pread_all(fd, 3000000, 0) == pattern(3000000), True, "equality")
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    equal(os.pread(fd, 10, 2999999), pattern(3000000)[2999999:])


main()
