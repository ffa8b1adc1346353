#!/usr/bin/python3 -B
"""Holes: SEEK_DATA and SEEK_HOLE, sparse files, and space used."""
import os
import subprocess
import time
from errno import ENXIO

from shared.cases import case, equal, fails, main, opened, pattern, true, until, write_all
from shared.contents import extents
from shared.linux import punch

MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40
STEP = 64 << 10  # the alignment of extents whose exact places are asserted


def used(path):
    return os.stat(path).st_blocks * 512


def with_data(*places, size=0):
    """Returns a file with STEP bytes of data at each of these steps."""
    fd = opened()
    for place in places:
        os.pwrite(fd, pattern(STEP, place + 1), place * STEP)
    os.ftruncate(fd, max([(place + 1) * STEP for place in places] + [size]))
    return fd


# --- SEEK_DATA, SEEK_HOLE ---

@case("SEEK_DATA and SEEK_HOLE find data just written, after fsync, and after a reopen")
def _():
    fd = with_data(0, 4, 5, 20, size=30 * STEP)
    wanted = [(0, STEP), (4 * STEP, 6 * STEP), (20 * STEP, 21 * STEP)]
    equal(extents(fd), wanted)
    os.fsync(fd)
    equal(extents(fd), wanted, "the extents after fsync")
    os.close(fd)
    equal(extents(opened()), wanted, "the extents of a new open")


@case("within data SEEK_DATA stays, within a hole SEEK_HOLE; the end of the file is a hole")
def _():
    fd = with_data(1)
    equal(os.lseek(fd, STEP + 5, os.SEEK_DATA), STEP + 5)
    equal(os.lseek(fd, 5, os.SEEK_HOLE), 5)
    equal(os.lseek(fd, 5, os.SEEK_DATA), STEP)
    equal(os.lseek(fd, STEP + 5, os.SEEK_HOLE), 2 * STEP)
    equal(os.lseek(fd, 0, os.SEEK_CUR), 2 * STEP, "the position after a seek")


@case("SEEK_DATA and SEEK_HOLE at or beyond the end, or below 0, fail with ENXIO")
def _():
    fd = opened()
    write_all(fd, pattern(5000))
    os.lseek(fd, 7, os.SEEK_SET)
    for whence in (os.SEEK_DATA, os.SEEK_HOLE):
        for place in (5000, 5001, 10**12, -1):
            fails(ENXIO, os.lseek, fd, place, whence)
    equal(os.lseek(fd, 0, os.SEEK_CUR), 7, "the position")
    equal(os.lseek(fd, 4999, os.SEEK_HOLE), 5000)
    os.ftruncate(fd, 0)
    fails(ENXIO, os.lseek, fd, 0, os.SEEK_DATA)
    fails(ENXIO, os.lseek, fd, 0, os.SEEK_HOLE)


@case("SEEK_DATA fails with ENXIO if only a hole follows")
def _():
    fd = with_data(0, size=10 * STEP)
    fails(ENXIO, os.lseek, fd, STEP, os.SEEK_DATA)
    equal(os.lseek(fd, STEP, os.SEEK_HOLE), STEP)


@case("a few bytes far inside a hole are found close to where they are")
def _():
    fd = opened()
    place = 5 * (1 << 30) + 12345
    os.pwrite(fd, b"text", place)
    (begin, end), = extents(fd)
    true(place - STEP < begin <= place and end == place + 4, f"data is at {begin} to {end}")


@case("a page with one byte of data is data up to its end or the end of the file")
def _():
    fd = opened()
    os.ftruncate(fd, 20_000)
    for place in (9_000, 19_000):
        os.pwrite(fd, b"x", place)
    for moment in ("written", "synced"):
        equal(extents(fd), [(8192, 12288), (16384, 20_000)], f"the extents when {moment}")
        equal(os.lseek(fd, 11_000, os.SEEK_DATA), 11_000)
        equal(os.lseek(fd, 12_287, os.SEEK_HOLE), 12_288)
        os.fsync(fd)


@case("data in a hole of 8 TiB is found at once, and after the last data ENXIO")
def _():
    fd = opened()
    os.ftruncate(fd, 8 * TIB)
    os.pwrite(fd, b"x" * STEP, 4 * TIB)
    for moment in ("written", "synced"):
        began = time.monotonic()
        equal(extents(fd), [(4 * TIB, 4 * TIB + STEP)], f"the extents when {moment}")
        fails(ENXIO, os.lseek, fd, 4 * TIB + STEP, os.SEEK_DATA)
        true(time.monotonic() - began < 2, "it took more than 2 s")
        os.fsync(fd)


@case("bytes that were truncated and extended again are a hole")
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
    until(lambda: used("b") < MIB, "the holes are stored")


# --- space used ---

@case("st_blocks counts data, not holes, before and after fsync")
def _():
    fd = opened()
    os.pwrite(fd, os.urandom(MIB), GIB)
    for moment in ("written", "synced"):
        true(MIB <= used("a") <= MIB + 4 * STEP, f"{used('a')} bytes are used when {moment}")
        os.fsync(fd)
    os.pwrite(fd, os.urandom(MIB), GIB)
    true(MIB <= used("a") <= MIB + 4 * STEP, f"{used('a')} bytes are used when written again")


@case("st_blocks shrinks with a punched hole and a truncation")
def _():
    fd = opened()
    write_all(fd, os.urandom(2 * MIB))
    os.fsync(fd)
    punch(fd, 0, MIB)
    true(MIB <= used("a") <= MIB + 4 * STEP, f"{used('a')} bytes are used beside a hole")
    os.ftruncate(fd, MIB + STEP)
    true(STEP <= used("a") <= 5 * STEP, f"{used('a')} bytes are used after the truncation")
    os.ftruncate(fd, 0)
    equal(used("a"), 0)


main()
