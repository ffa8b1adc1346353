#!/usr/bin/python3 -B
"""Times: updates and setting of atime, mtime and ctime, and relatime."""
import mmap
import os
import time
from errno import EACCES, EINVAL, EPERM

from shared.cases import case, equal, fails, get, main, pattern, put, true
from shared.linux import (UTIME_NOW, UTIME_OMIT, fallocate, punch, statx, utimensat)
from shared.people import ALICE, BOB, by

OLD = 10**18  # 2001, in ns
DAY = 86400 * 10**9


def times(path):
    info = os.lstat(path)
    return info.st_atime_ns, info.st_mtime_ns, info.st_ctime_ns


def moved(path, change):
    """Returns the times that the change sets to now, as "a", "m" and "c"."""
    before = statx(path, follow=False)
    time.sleep(0.012)  # the kernel's coarse clock ticks every 4 to 10 ms
    began = time.time_ns()
    change()
    after = times(path)
    letters = ""
    for letter, old, new in zip("amc", (before.atime_ns, before.mtime_ns, before.ctime_ns), after):
        if new != old:
            true(began - 12 * 10**6 <= new <= time.time_ns(), f"{letter}time is not now: {new}")
            letters += letter
    return letters


def age(path):
    """Sets atime and mtime to 2001."""
    os.utime(path, ns=(OLD, OLD), follow_symlinks=False)


# --- set ---

@case("utimensat keeps nanoseconds and years from 1902 to 2242, and updates the ctime")
def _():
    put("a")
    for seconds in (0, 1, -1, -2**31 + 1, 2**31 - 1, 2**31, 2**32, 2**33):
        for nanoseconds in (0, 1, 123456789, 999999999):
            utimensat("a", (seconds, nanoseconds), (seconds + 1, nanoseconds))
            equal(times("a")[:2], (seconds * 10**9 + nanoseconds,
                                   (seconds + 1) * 10**9 + nanoseconds))
    equal(moved("a", lambda: os.utime("a", ns=times("a")[:2])), "c", "what utime moves")


@case("UTIME_NOW sets now, UTIME_OMIT keeps a time, and two UTIME_OMIT change nothing")
def _():
    put("a")
    age("a")
    equal(moved("a", lambda: utimensat("a", (0, UTIME_NOW), (0, UTIME_OMIT))), "ac")
    equal(times("a")[1], OLD, "the mtime")
    age("a")
    equal(moved("a", lambda: utimensat("a", (0, UTIME_OMIT), (0, UTIME_NOW))), "mc")
    equal(times("a")[0], OLD, "the atime")
    equal(moved("a", lambda: utimensat("a", (0, UTIME_OMIT), (0, UTIME_OMIT))), "")
    utimensat("a", (0, UTIME_OMIT), (7, 5))
    equal(times("a")[:2], (OLD, 7 * 10**9 + 5))


@case("utimensat works on symlinks, directories and descriptors")
def _():
    os.mkdir("d")
    os.symlink("nothing", "s")
    fd = os.open("a", os.O_CREAT | os.O_RDONLY)
    utimensat("d", (1, 2), (3, 4))
    utimensat("s", (5, 6), (7, 8), flags=0x100)
    os.utime(fd, ns=(9, 10))
    for path, wanted in (("d", (10**9 + 2, 3 * 10**9 + 4)), ("a", (9, 10)),
                         ("s", (5 * 10**9 + 6, 7 * 10**9 + 8))):
        equal(times(path)[:2], wanted, f"the times of {path}")


@case("nanoseconds beyond a second fail with EINVAL")
def _():
    put("a")
    for wrong in (10**9, -1):
        fails(EINVAL, utimensat, "a", (1, wrong), (1, 0))
        fails(EINVAL, utimensat, "a", (1, 0), (1, wrong))


@case("with write permission times can be set to now; only the owner sets others: EPERM, EACCES")
def _():
    os.chmod(".", 0o777)
    by(ALICE, put, "a")
    os.chmod("a", 0o666)
    fails(EPERM, by, BOB, utimensat, "a", (1, 0), (1, 0))
    fails(EPERM, by, BOB, utimensat, "a", (0, UTIME_NOW), (0, UTIME_OMIT))
    by(BOB, utimensat, "a", (0, UTIME_NOW), (0, UTIME_NOW))
    by(ALICE, utimensat, "a", (1, 0), (1, 0))
    os.chmod("a", 0o644)
    fails(EACCES, by, BOB, utimensat, "a", (0, UTIME_NOW), (0, UTIME_NOW))


# --- files ---

@case("all times of a new file and the changes of its directory are now")
def _():
    os.mkdir("d")
    age("d")
    equal(moved("d", lambda: put("d/a")), "mc")
    now = time.time_ns()
    for moment in times("d/a"):
        true(now - 10**9 < moment <= now, "a time of the new file is not now")


@case("write, extension and truncation update mtime and ctime")
def _():
    put("a", pattern(10000))
    fd = os.open("a", os.O_RDWR)
    for change in (lambda: os.write(fd, b"x"), lambda: os.pwrite(fd, b"x", 20000),
                   lambda: os.ftruncate(fd, 5000), lambda: os.truncate("a", 6000),
                   lambda: os.ftruncate(fd, 6000), lambda: os.writev(fd, [b"a", b"b"]),
                   lambda: fallocate(fd, 0, 0, 30000), lambda: punch(fd, 0, 4096),
                   lambda: os.close(os.open("a", os.O_WRONLY | os.O_TRUNC))):
        age("a")
        equal(moved("a", change), "mc", "what moves")


@case("a write of zero bytes, open, close and fsync update no time")
def _():
    put("a", b"text")
    age("a")

    def nothing():
        fd = os.open("a", os.O_RDWR | os.O_CREAT)
        os.write(fd, b"")
        os.fsync(fd)
        os.close(fd)
    equal(moved("a", nothing), "")


@case("a write through a shared mapping updates mtime and ctime at msync at the latest")
def _():
    put("a", pattern(10000))
    age("a")
    fd = os.open("a", os.O_RDWR)

    def change():
        with mmap.mmap(fd, 10000) as area:
            area[5000] = 0
            area.flush()
    true(set("mc") <= set(moved("a", change)), "mtime and ctime stand still")


@case("times set after a write through a mapping survive msync, fsync and munmap")
def _():
    for end in (lambda fd, area: area.flush(), lambda fd, area: os.fsync(fd),
                lambda fd, area: area.close()):
        put("a", pattern(10000))
        fd = os.open("a", os.O_RDWR)
        area = mmap.mmap(fd, 10000)
        area[5000] = 0
        os.utime("a", ns=(OLD, OLD + 1))
        end(fd, area)
        equal(os.stat("a").st_mtime_ns, OLD + 1, "the mtime")
        os.close(fd)


@case("times set after a write survive close, fsync and another open")
def _():
    fd = os.open("a", os.O_RDWR | os.O_CREAT)
    os.write(fd, pattern(300000))
    os.utime(fd, ns=(OLD, OLD + 5))
    os.fsync(fd)
    equal(times("a")[1], OLD + 5, "the mtime after fsync")
    os.close(fd)
    equal(times("a")[1], OLD + 5, "the mtime after close")
    os.sync()
    os.close(os.open("a", os.O_RDWR))
    equal(times("a")[1], OLD + 5, "the mtime after sync")


@case("chmod, chown, link, rename and xattrs update only the ctime")
def _():
    put("a")
    for change in (lambda: os.chmod("a", 0o600), lambda: os.chown("a", 5, 6),
                   lambda: os.setxattr("a", "user.x", b"1"),
                   lambda: os.setxattr("a", "user.x", b"2"),
                   lambda: os.removexattr("a", "user.x"),
                   lambda: os.link("a", "b"), lambda: os.unlink("b")):
        equal(moved("a", change), "c", "what moves")


@case("an attribute that is set to its present value updates no time")
def _():
    put("a")
    os.setxattr("a", "user.x", b"1")
    equal(moved("a", lambda: os.setxattr("a", "user.x", b"1")), "")


@case("O_TRUNC of an empty file updates mtime and ctime")
def _():
    put("a")
    equal(moved("a", lambda: os.close(os.open("a", os.O_WRONLY | os.O_TRUNC))), "mc")


@case("a call that fails updates no time")
def _():
    put("a", b"text")
    os.mkdir("d")
    put("d/in")
    for path, call in (("a", lambda: by(ALICE, os.chmod, "a", 0o777)),
                       ("a", lambda: by(ALICE, os.truncate, "a", 0)),
                       ("a", lambda: os.removexattr("a", "user.none")),
                       ("d", lambda: os.mkdir("d/in")), ("d", lambda: os.unlink("d/none")),
                       ("d", lambda: os.rename("a", "d"))):
        equal(moved(path, lambda call=call: true(is_refused(call), "it did not fail")), "")


def is_refused(call):
    try:
        call()
        return False
    except OSError:
        return True


# --- directories ---

@case("every change of its entries updates a directory's mtime and ctime")
def _():
    os.mkdir("d")
    put("file")
    for change in (lambda: put("d/a"), lambda: os.mkdir("d/b"), lambda: os.symlink("x", "d/c"),
                   lambda: os.link("file", "d/e"), lambda: os.mkfifo("d/f"),
                   lambda: os.rename("d/a", "d/g"), lambda: os.rename("d/g", "g"),
                   lambda: os.unlink("d/e"), lambda: os.rmdir("d/b")):
        age("d")
        equal(moved("d", change), "mc", "what moves")


@case("a change of a file, or below a subdirectory, updates no time of the directory")
def _():
    os.makedirs("d/e")
    put("d/a")
    age("d")

    def change():
        put("d/a", b"text")
        os.chmod("d/a", 0o600)
        put("d/e/b")
    equal(moved("d", change), "")


# --- atime ---

def read(path):
    fd = os.open(path, os.O_RDONLY)
    os.read(fd, 100)
    os.close(fd)


@case("with relatime the first read after a change updates the atime, the next does not")
def _():
    put("a", pattern(1000))
    utimensat("a", (10**9, 0), (10**9 + 5, 0))
    equal(moved("a", lambda: read("a")), "a")
    equal(moved("a", lambda: read("a")), "")
    put("a", pattern(1000))
    equal(moved("a", lambda: read("a")), "a", "what moves after a write")


@case("with relatime a read updates an atime that is older than a day")
def _():
    put("a", pattern(1000))
    now = time.time_ns()
    os.utime("a", ns=(now - DAY - 10**10, now - 5 * DAY))
    equal(moved("a", lambda: read("a")), "a")
    put("b", pattern(1000))
    os.utime("b", ns=(now + 10**12, now))
    equal(moved("b", lambda: read("b")), "", "what moves when the atime is the latest")


@case("the first read of a new file updates its atime, even from the kernel's cache")
def _():
    put("a", pattern(1000))
    equal(moved("a", lambda: read("a")), "a")


@case("listing updates the atime of a directory, readlink that of a symlink")
def _():
    os.mkdir("d")
    put("d/a")
    equal(moved("d", lambda: os.listdir("d")), "a")
    equal(moved("d", lambda: os.listdir("d")), "")
    os.symlink("target", "s")
    equal(moved("s", lambda: os.readlink("s")), "a")


@case("O_NOATIME keeps the atime, and only the owner may use it: EPERM")
def _():
    put("a", pattern(1000))
    os.chmod("a", 0o666)

    def quietly():
        fd = os.open("a", os.O_RDONLY | os.O_NOATIME)
        os.read(fd, 100)
        os.close(fd)
    equal(moved("a", quietly), "")
    fails(EPERM, by, ALICE, quietly)


@case("another process sees the atime of a read, and a write keeps it")
def _():
    put("a", pattern(1000))
    os.utime("a", ns=(OLD, OLD + 1))
    read("a")
    atime = times("a")[0]
    true(atime > OLD + 1, "the atime stands still")
    put("a", b"text")
    equal(times("a")[0], atime, "the atime after a write")
    equal(get("a"), b"text")


main()
