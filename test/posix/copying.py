#!/usr/bin/python3 -B
"""copy_file_range, and programs that copy."""
import mmap
import os
import resource
import signal
import stat
import subprocess
from errno import EBADF, EFBIG, EINVAL, EISDIR, EXDEV

from shared.cases import case, equal, fails, get, main, opened, pattern, pread_all, put, true
from shared.linux import call
from shared.people import ALICE, by

SIZE = 3_000_000
COPY = os.copy_file_range


def copy_all(source, target, size, begin=0, to=0):
    done = 0
    while done < size:
        got = COPY(source, target, size - done, begin + done, to + done)
        if not got:
            break
        done += got
    return done


@case("copy_file_range copies data that was just written and data that was synced")
def _():
    for sync in (False, True):
        put("a", pattern(SIZE))
        source, target = opened("a"), opened("b", os.O_TRUNC)
        if sync:
            os.fsync(source)
        equal(copy_all(source, target, SIZE), SIZE)
        equal(get("b") == pattern(SIZE), True, "equality")


@case("source and copy are independent: a change of one does not affect the other")
def _():
    put("a", pattern(SIZE))
    source, target = opened("a"), opened("b")
    os.fsync(source)
    copy_all(source, target, SIZE)

    os.pwrite(source, b"changed", 100000)
    os.pwrite(target, b"other", 2000000)
    os.ftruncate(source, 2500000)

    wanted = pattern(SIZE)
    equal(get("b") == wanted[:2000000] + b"other" + wanted[2000005:], True, "equality of the copy")
    equal(get("a") == wanted[:100000] + b"changed" + wanted[100007:2500000], True,
          "equality of the source")
    os.unlink("a")
    os.close(source)
    os.fsync(target)
    equal(get("b") == wanted[:2000000] + b"other" + wanted[2000005:], True,
          "equality of the copy without its source")


@case("a copy of a copy is complete after the first two are removed")
def _():
    put("a", pattern(SIZE))
    for source, target in (("a", "b"), ("b", "c")):
        copy_all(opened(source), opened(target), SIZE)
        os.unlink(source)
    os.sync()
    equal(get("c") == pattern(SIZE), True, "equality")


@case("any range is copied to any offset, exact to the byte")
def _():
    data = pattern(500000)
    put("a", data)
    source = opened("a")
    for begin, size, to in ((0, 1, 0), (1, 4095, 4097), (4096, 65536, 8192), (100001, 70001, 33),
                            (131072, 131072, 131072), (499999, 1, 0), (400000, 100000, 299999)):
        base = pattern(300000, 9)
        put("b", base)
        target = opened("b")
        equal(copy_all(source, target, size, begin, to), size)
        wanted = base[:to] + data[begin:begin + size] + base[to + size:]
        equal(get("b") == wanted, True, f"equality after {begin}, {size} to {to}")
        os.close(target)


@case("a copy beyond the end of the target leaves a hole of zeros")
def _():
    put("a", b"text")
    put("b", b"x")
    equal(COPY(opened("a"), opened("b"), 4, 0, 100000), 4)
    equal(get("b"), b"x" + bytes(99999) + b"text")


@case("holes of the source overwrite the target with zeros")
def _():
    source = opened("a")
    os.pwrite(source, b"x" * 65536, 1 << 20)
    os.ftruncate(source, 2 << 20)
    put("b", pattern(2 << 20))
    equal(copy_all(source, opened("b"), 2 << 20), 2 << 20)
    equal(get("b") == get("a"), True, "equality")


@case("a copy stops at the end of the source, and copies nothing from there on")
def _():
    put("a", b"0123456789")
    source, target = opened("a"), opened("b")
    equal(COPY(source, target, 100, 4, 0), 6)
    equal(get("b"), b"456789")
    equal(COPY(source, target, 100, 10, 0), 0)
    equal(COPY(source, target, 100, 1000, 0), 0)
    equal(COPY(source, target, 0, 0, 0), 0)
    equal(COPY(source, target, 2**62, 0, 0), 10, "a copy of all there is")


@case("without offsets both positions are used and moved; with offsets they stay")
def _():
    put("a", b"0123456789")
    source, target = opened("a"), opened("b")
    os.lseek(source, 3, os.SEEK_SET)
    os.lseek(target, 1, os.SEEK_SET)
    equal(COPY(source, target, 4), 4)
    equal((os.lseek(source, 0, os.SEEK_CUR), os.lseek(target, 0, os.SEEK_CUR)), (7, 5))
    COPY(source, target, 2, 0, 8)
    equal((os.lseek(source, 0, os.SEEK_CUR), os.lseek(target, 0, os.SEEK_CUR)), (7, 5))
    equal(get("b"), b"\0" + b"3456" + bytes(3) + b"01")


@case("a copy within one file works, and fails with EINVAL if the ranges overlap")
def _():
    put("a", pattern(200000))
    fd = opened("a")
    equal(copy_all(fd, fd, 50000, 0, 100001), 50000)
    wanted = pattern(200000)
    equal(get("a") == wanted[:100001] + wanted[:50000] + wanted[150001:], True, "equality")
    fails(EINVAL, COPY, fd, fd, 1000, 0, 500)
    fails(EINVAL, COPY, fd, opened("a"), 1000, 500, 0)
    COPY(fd, fd, 1000, 0, 1000)


@case("copy_file_range fails with EBADF, EISDIR, EINVAL, and EXDEV to another kind of filesystem")
def _():
    put("a", b"text")
    put("b", b"other")
    os.mkdir("d")
    fd, directory = opened("a"), os.open("d", os.O_RDONLY)
    fails(EBADF, COPY, fd, os.open("b", os.O_RDONLY), 4, 0, 0)
    fails(EBADF, COPY, os.open("a", os.O_WRONLY), opened("b"), 4, 0, 0)
    fails(EBADF, COPY, fd, opened("b", os.O_APPEND), 4)
    fails(EISDIR, COPY, directory, fd, 4, 0, 0)
    fails(EINVAL, call, "copy_file_range", fd, None, opened("b"), None, 4, 1)
    os.mkfifo("fifo")
    fails(EINVAL, COPY, fd, os.open("fifo", os.O_RDWR), 4)
    fails(EXDEV, COPY, os.memfd_create("memory"), fd, 4, 0, 0)
    equal((get("a"), get("b")), (b"text", b"other"))


@case("a copy stops at RLIMIT_FSIZE, and a copy beyond it fails with EFBIG")
def _():
    put("a", pattern(20000))
    source, target = opened("a"), opened("b")
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
    equal(COPY(source, target, 20000, 0, 0), 10000)
    fails(EFBIG, COPY, source, target, 10, 0, 10000)


@case("a copy updates the target's mtime and ctime, and by a user clears its setuid bit")
def _():
    put("a", b"text")
    put("b", b"other")
    os.chmod("b", 0o6777)
    os.utime("b", (1, 1))
    by(ALICE, lambda: COPY(os.open("a", os.O_RDONLY), os.open("b", os.O_WRONLY), 4, 0, 0))
    info = os.stat("b")
    equal(get("b"), b"textr")
    true(info.st_mtime > 1, "the mtime stood still")
    equal(stat.S_IMODE(info.st_mode), 0o777, "the mode")


@case("another descriptor and a mapping see a copy at once")
def _():
    put("a", pattern(100000))
    put("b", pattern(100000, 5))
    other = opened("b")
    with mmap.mmap(other, 100000) as area:
        equal((area[50000:50010], pread_all(other, 10, 60000)),
              (pattern(100000, 5)[50000:50010], pattern(100000, 5)[60000:60010]))
        copy_all(opened("a"), opened("b"), 100000)
        equal(area[:] == pattern(100000), True, "equality of the mapping")
        equal(pread_all(other, 100000, 0) == pattern(100000), True, "equality by read")


@case("copy_file_range copies data that was changed through a mapping")
def _():
    put("a", pattern(100000))
    source = opened("a")
    with mmap.mmap(source, 100000) as area:
        area[70000:70007] = b"changed"
        copy_all(source, opened("b"), 100000)
    equal(get("b")[69999:70008], pattern(100000)[69999:70000] + b"changed"
          + pattern(100000)[70007:70008])


@case("cp, with --reflink and with --sparse, makes equal files")
def _():
    fd = opened("a")
    for place in (0, 1000000, 1 << 24):
        os.pwrite(fd, pattern(100000, place), place)
    for option in ("--reflink=auto", "--reflink=never", "--sparse=always", "--sparse=never"):
        subprocess.run(["cp", option, "a", "b"], check=True)
        equal(get("b") == get("a"), True, f"equality by cp {option}")


main()
