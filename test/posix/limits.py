#!/usr/bin/python3 -B
"""A full filesystem: ENOSPC at the limit and not before, and free space after a removal. DIR must
be on a filesystem small enough to be filled; test/posix/run makes one."""
import os
from errno import EEXIST, ENOSPC

from shared.cases import Skip, case, equal, fails, get, main, put, settled, true, until
from shared.linux import FALLOC_FL_KEEP_SIZE, fallocate, punch
from shared.people import start

MIB = 1 << 20


def space():
    now = os.statvfs(".")
    if now.f_ffree > 5000 or now.f_bavail * now.f_frsize > 200 * MIB:
        raise Skip("this filesystem is too large to be filled")
    return now


def free_inodes():
    return space().f_ffree


def free_bytes():
    now = space()
    return now.f_bavail * now.f_frsize


def make_all(prefix=""):
    """Makes files until no more can be made; returns their number."""
    made = 0
    while True:
        try:
            os.close(os.open(f"{prefix}{made}", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except OSError as problem:
            equal(problem.errno, ENOSPC, "the errno")
            return made
        made += 1


def remove_all(prefix=""):
    for name in os.listdir("."):
        if name.startswith(prefix):
            os.unlink(name)


# --- inodes ---

@case("exactly as many files can be made as statfs reports free; the next fails with ENOSPC")
def _():
    free = settled(free_inodes)
    equal(make_all(), free, "the number of files made")
    equal(free_inodes(), 0, "what statfs says is free")
    for make in (lambda: os.mkdir("x"), lambda: os.symlink("target", "x"),
                 lambda: os.mkfifo("x"), lambda: os.mknod("x"),
                 lambda: os.open(".", os.O_TMPFILE | os.O_RDWR)):
        fails(ENOSPC, make)
    fails(EEXIST, os.mkdir, "0")
    remove_all()


@case("without a free inode, files can be written, linked, renamed, replaced and removed")
def _():
    settled(free_inodes)
    make_all()
    put("0", b"text")
    os.link("0", "link")
    os.rename("1", "renamed")
    os.rename("renamed", "2")
    os.chmod("0", 0o600)
    equal(get("link"), b"text")
    os.unlink("3")
    until(lambda: free_inodes() == 2, "the inodes of two removed files are not back", 30)
    remove_all()


@case("each removed file allows one more at once, time after time")
def _():
    settled(free_inodes)
    make_all()
    for n in range(20):
        os.unlink(str(n))
        put(f"new{n}")
        fails(ENOSPC, put, f"other{n}")
    remove_all()


@case("four processes together make exactly as many files as there are free inodes")
def _():
    free = settled(free_inodes)
    filling = [start(make_all, f"{who}-") for who in range(4)]
    equal(sum(one.result() for one in filling), free, "the number of files made")
    equal(len(os.listdir(".")), free, "the number of files there")
    remove_all()


@case("a file that is removed while it is open keeps its inode until it is closed")
def _():
    fd = os.open("open", os.O_CREAT | os.O_RDWR)
    settled(free_inodes)
    make_all("x")
    os.unlink("open")
    fails(ENOSPC, put, "other")
    os.close(fd)
    until(lambda: free_inodes() == 1, "the inode is not back", 30)
    put("other")
    remove_all()


# --- bytes ---

def fill(path):
    """Writes until no space is left; returns the number of bytes stored. The data is random, so
    that it cannot be compressed, and synced, so that its space is used at once."""
    kept = 0
    fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o644)
    try:
        while True:
            piece = os.urandom(MIB)
            while piece:
                got = os.write(fd, piece)
                piece = piece[got:]
                os.fsync(fd)
                kept += got
    except OSError as problem:
        equal(problem.errno, ENOSPC, "the errno")
        return kept
    finally:
        os.close(fd)


@case("writes fail with ENOSPC when the reported space is used, and keep what was stored")
def _():
    free = settled(free_bytes)
    kept = fill("a")
    true(free * 0.85 <= kept <= free, f"{kept} bytes are kept where {free} were free")
    true(os.stat("a").st_size >= kept, "the file is shorter than what was kept")
    true(free_bytes() < 3 * MIB, f"{free_bytes()} bytes are still free")
    os.unlink("a")


@case("on a full filesystem files can be read, renamed, truncated and removed, which frees space")
def _():
    put("before", b"text")
    free = settled(free_bytes)
    fill("a")
    equal(get("before"), b"text")
    os.rename("before", "after")
    os.truncate("a", MIB)
    until(lambda: free_bytes() > free * 0.8, "the room is not back after truncate", 30)
    put("b", os.urandom(free // 2))
    os.unlink("a")
    os.unlink("b")
    until(lambda: free_bytes() > free * 0.95, "the room is not back after unlink", 30)


@case("three writing processes together store no more than was free")
def _():
    free = settled(free_bytes)
    filling = [start(fill, f"a{who}") for who in range(3)]
    kept = sum(one.result() for one in filling)
    true(free * 0.8 <= kept <= free, f"{kept} bytes are kept where {free} were free")
    remove_all("a")


# --- reserved space ---

@case("fallocate reserves space at once, fails with ENOSPC if there is too little, and frees it")
def _():
    free = settled(free_bytes)
    fd = os.open("a", os.O_CREAT | os.O_RDWR)
    fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, free // 2)
    true(free * 0.45 < free_bytes() <= free * 0.5, f"{free_bytes()} of {free} bytes are free")
    other = os.open("b", os.O_CREAT | os.O_RDWR)
    for mode in (0, FALLOC_FL_KEEP_SIZE):
        fails(ENOSPC, fallocate, other, mode, 0, free // 2 + 4 * MIB)
    os.unlink("b")
    os.close(other)
    for _ in range(3):
        fallocate(fd, 0, 0, free // 2)
    punch(fd, 0, free // 4 & -MIB)
    until(lambda: free_bytes() > free * 0.7, "the room is not back after a hole", 30)
    os.ftruncate(fd, 0)
    until(lambda: free_bytes() > free * 0.95, "the room is not back after truncate", 30)
    os.unlink("a")


@case("reserved space can be written and synced when nothing else fits")
def _():
    size = 8 * MIB
    settled(free_bytes)
    fd = os.open("a", os.O_CREAT | os.O_RDWR)
    os.write(fd, b"before")
    fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size)
    kept = fill("b")
    data = os.urandom(size)
    for place in range(0, size, MIB):
        equal(os.pwrite(fd, data[place:place + MIB], place), MIB, "how much was taken")
    os.fsync(fd)
    equal(get("a") == data, True, "equality")
    true(size <= os.fstat(fd).st_blocks * 512 < size + MIB, "what is used is not what was kept")
    fails(ENOSPC, fill_one, "b", kept)
    remove_all()


def fill_one(path, offset):
    fd = os.open(path, os.O_WRONLY)
    for place in range(offset, offset + 4 * MIB, 4096):
        os.pwrite(fd, os.urandom(4096), place)
        os.fsync(fd)


@case("stored data on a full filesystem can be overwritten once space is freed")
def _():
    put("a", os.urandom(4 * MIB))
    settled(free_bytes)
    fill("b")
    os.truncate("b", MIB)
    until(lambda: free_bytes() > 8 * MIB, "the space is not free again", 30)
    data = os.urandom(4 * MIB)
    fd = os.open("a", os.O_WRONLY)
    os.pwrite(fd, data, 0)
    os.fsync(fd)
    equal(get("a") == data, True, "equality")
    remove_all()


main()
