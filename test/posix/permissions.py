#!/usr/bin/python3 -B
"""Modes and owners: changing them, the clearing of setuid and setgid, and inheritance."""
import os
import stat
from errno import EACCES, EPERM

from shared.cases import case, equal, fails, get, main, put
from shared.linux import STATX_MODE, UTIME_NOW, UTIME_OMIT, statx, utimensat
from shared.people import ALICE, BOB, ROOT, STAFF, by


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def owners(path):
    found = os.lstat(path)
    return found.st_uid, found.st_gid


def made(path, bits, uid=0, gid=0):
    put(path, b"text")
    os.chown(path, uid, gid)
    os.chmod(path, bits)
    return path


def made_dir(path, bits, uid=0, gid=0):
    os.mkdir(path)
    os.chown(path, uid, gid)
    os.chmod(path, bits)
    return path


def make(path, bits=0o666, umask=0):
    os.umask(umask)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, bits))


def write(path, data=b"x"):
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, data)
    os.close(fd)


# --- access by mode ---

@case("the first class that matches, of owner, group and others, decides")
def _():
    made("f", 0o077, ALICE.uid, STAFF)
    fails(EACCES, by, ALICE, get, "f")
    equal(by(BOB.of(STAFF), get, "f"), b"text")
    os.chmod("f", 0o707)
    fails(EACCES, by, BOB.of(STAFF), get, "f")
    equal(by(BOB, get, "f"), b"text")


@case("a directory's r allows listing, x lookups, and w with x creating and removing")
def _():
    made_dir("d", 0o755)
    put("d/f", b"text")
    os.chmod("d", 0o744)
    equal(by(ALICE, os.listdir, "d"), ["f"])
    fails(EACCES, by, ALICE, os.stat, "d/f")
    os.chmod("d", 0o711)
    fails(EACCES, by, ALICE, os.listdir, "d")
    equal(by(ALICE, get, "d/f"), b"text")
    os.chmod("d", 0o772)
    fails(EACCES, by, ALICE, os.unlink, "d/f")
    os.chmod("d", 0o773)
    by(ALICE, os.unlink, "d/f")
    by(ALICE, make, "d/g")


@case("an open file stays open for its opener")
def _():
    made("f", 0o644)
    fd = os.open("f", os.O_RDWR)

    def read():
        return os.pread(fd, 9, 0)
    os.chmod("f", 0)
    equal(by(ALICE, read), b"text")


# --- chmod ---

@case("only the owner and root may chmod")
def _():
    made("f", 0o666, ALICE.uid, ALICE.gid)
    fails(EPERM, by, BOB, os.chmod, "f", 0o777)
    by(ALICE, os.chmod, "f", 0o640)
    equal(mode("f"), 0o640)
    os.chmod("f", 0o7777)
    equal(mode("f"), 0o7777)


@case("chmod by an owner outside the file's group clears setgid")
def _():
    made("f", 0o755, ALICE.uid, STAFF)
    by(ALICE, os.chmod, "f", 0o2755)
    equal(mode("f"), 0o755)
    by(ALICE.of(STAFF), os.chmod, "f", 0o2755)
    equal(mode("f"), 0o2755)
    os.chmod("f", 0o2755)
    equal(mode("f"), 0o2755)
    made_dir("d", 0o755, ALICE.uid, STAFF)
    by(ALICE, os.chmod, "d", 0o2755)
    equal(mode("d"), 0o755)


@case("setuid and setgid set right after a write are kept")
def _():
    made_dir("d", 0o777)

    def install():
        put("d/f", b"x" * 100000)
        os.chmod("d/f", 0o6755)
    by(ALICE, install)
    os.sync()
    equal(mode("d/f"), 0o6755)


# --- chown ---

@case("only root gives files away, and owners choose among their groups")
def _():
    made("f", 0o644, ALICE.uid, ALICE.gid)
    fails(EPERM, by, ALICE, os.chown, "f", BOB.uid, -1)
    fails(EPERM, by, ALICE, os.chown, "f", -1, STAFF)
    fails(EPERM, by, BOB, os.chown, "f", BOB.uid, -1)
    fails(EPERM, by, BOB, os.chown, "f", -1, BOB.gid)
    by(ALICE.of(STAFF), os.chown, "f", ALICE.uid, STAFF)
    equal(owners("f"), (ALICE.uid, STAFF))
    os.chown("f", BOB.uid, BOB.gid)
    equal(owners("f"), (BOB.uid, BOB.gid))


@case("chown clears setuid and setgid of files, even by root")
def _():
    for who, target in ((None, (BOB.uid, BOB.gid)), (ALICE.of(STAFF), (-1, STAFF))):
        for before, after in ((0o6755, 0o755), (0o4744, 0o744), (0o2711, 0o711), (0o755, 0o755)):
            made("f", before, ALICE.uid, ALICE.gid)
            by(who, os.chown, "f", *target)
            equal(mode("f"), after, f"the mode that was {before:o}")


@case("chown by members of the group keeps setgid without group execution")
def _():
    made("f", 0o6644, ALICE.uid, ALICE.gid)
    os.chown("f", ALICE.uid, STAFF)
    equal(mode("f"), 0o2644)


@case("chown keeps the bits of directories")
def _():
    made_dir("d", 0o7755, ALICE.uid, ALICE.gid)
    os.chown("d", BOB.uid, BOB.gid)
    equal(mode("d"), 0o7755)


@case("chown to the same owner and group, or to -1, clears the bits, too")
def _():
    made("f", 0o6755, ALICE.uid, ALICE.gid)
    os.chown("f", ALICE.uid, ALICE.gid)
    equal(mode("f"), 0o755)
    for who in (ROOT, ALICE):
        made("f", 0o6755, ALICE.uid, ALICE.gid)
        by(who, os.chown, "f", -1, -1)
        equal(mode("f"), 0o755)
    os.mkfifo("p")
    os.chmod("p", 0o4755)
    os.chown("p", -1, -1)
    equal(mode("p"), 0o755)
    made_dir("d", 0o7755)
    os.chown("d", -1, -1)
    equal(mode("d"), 0o7755)


@case("lchown changes a symlink, chown its target")
def _():
    made("f", 0o644)
    os.symlink("f", "l")
    os.lchown("l", ALICE.uid, STAFF)
    equal(owners("l"), (ALICE.uid, STAFF))
    equal(owners("f"), (0, 0))
    os.chown("l", BOB.uid, BOB.gid)
    equal(owners("f"), (BOB.uid, BOB.gid))


# --- writing and truncating ---

@case("a write by another user clears setuid and setgid, one by root does not")
def _():
    for before, after in ((0o6777, 0o777), (0o4777, 0o777), (0o2777, 0o777)):
        made("f", before)
        write("f")
        equal(mode("f"), before)
        by(ALICE, write, "f")
        equal(mode("f"), after)
        os.sync()
        equal(mode("f"), after)


@case("statx of the mode alone shows at once that a write or O_TRUNC cleared setuid")
def _():
    def open_truncated():
        os.close(os.open("f", os.O_WRONLY | os.O_TRUNC))
    for change in (lambda: write("f"), open_truncated):
        made("f", 0o6777)
        by(ALICE, change)
        equal(stat.S_IMODE(statx("f", STATX_MODE).mode), 0o777)


@case("a write by the owner clears them, too")
def _():
    made("f", 0o6755, ALICE.uid, ALICE.gid)
    by(ALICE, write, "f")
    equal(mode("f"), 0o755)


@case("truncate and O_TRUNC by users clear setuid and setgid, by root they do not")
def _():
    def open_truncated():
        os.close(os.open("f", os.O_WRONLY | os.O_TRUNC))

    def ftruncate():
        os.ftruncate(os.open("f", os.O_WRONLY), 1)
    for cut in (open_truncated, ftruncate, lambda: os.truncate("f", 2)):
        made("f", 0o6777)
        cut()
        equal(mode("f"), 0o6777)
        put("f", b"text")
        by(ALICE, cut)
        equal(mode("f"), 0o777)


@case("a write of zero bytes changes no bit")
def _():
    made("f", 0o6777)
    by(ALICE, write, "f", b"")
    equal(mode("f"), 0o6777)


# --- new files ---

@case("the umask applies to everything except symlinks")
def _():
    os.umask(0o137)
    os.close(os.open("f", os.O_CREAT | os.O_WRONLY, 0o777))
    os.mkdir("d", 0o777)
    os.mkfifo("p", 0o666)
    os.mknod("n", stat.S_IFREG | 0o666)
    os.symlink("f", "l")
    equal([mode(path) for path in ("f", "d", "p", "n", "l")], [0o640, 0o640, 0o640, 0o640, 0o777])
    os.umask(0)
    os.close(os.open("g", os.O_CREAT | os.O_WRONLY, 0o6777))
    equal(mode("g"), 0o6777)


@case("a new file without w in its mode is open for writing")
def _():
    made_dir("d", 0o777)

    def write_new():
        fd = os.open("d/f", os.O_CREAT | os.O_WRONLY, 0)
        os.write(fd, b"text")
        fails(EACCES, os.open, "d/f", os.O_WRONLY)
    by(ALICE, write_new)
    equal(get("d/f"), b"text")
    equal(mode("d/f"), 0)


@case("new files have the ids of their creator")
def _():
    made_dir("d", 0o777, BOB.uid, STAFF)
    by(ALICE.of(STAFF), make, "d/f")
    by(ALICE, os.mkdir, "d/e")
    by(ALICE, os.symlink, "x", "d/l")
    for path in ("d/f", "d/e", "d/l"):
        equal(owners(path), (ALICE.uid, ALICE.gid), path)


@case("in a setgid directory new files get its group, and new directories also the bit")
def _():
    made_dir("d", 0o2777, BOB.uid, STAFF)
    by(ALICE, make, "d/f")
    by(ALICE, os.mkdir, "d/e")
    by(ALICE, os.mkdir, "d/e/e")
    by(ALICE, os.symlink, "x", "d/l")
    for path in ("d/f", "d/e", "d/e/e", "d/l"):
        equal(owners(path), (ALICE.uid, STAFF), path)
    equal([mode("d/f"), mode("d/e") & 0o7000, mode("d/e/e") & 0o7000], [0o666, 0o2000, 0o2000])


@case("in a setgid directory only root and members of its group make a setgid program")
def _():
    made_dir("d", 0o2777, BOB.uid, STAFF)
    by(ALICE, make, "d/a", 0o2775)
    by(ALICE.of(STAFF), make, "d/b", 0o2775)
    by(ALICE, make, "d/c", 0o2765)
    os.umask(0)
    os.close(os.open("d/r", os.O_CREAT | os.O_WRONLY, 0o2775))
    equal([mode(f"d/{name}") for name in "abcr"], [0o775, 0o2775, 0o2765, 0o2775])


# --- sticky directories ---

@case("in a sticky directory only the owners of the file and of the directory change a name")
def _():
    made_dir("d", 0o1777, BOB.uid, BOB.gid)
    by(ALICE, make, "d/f")
    by(ALICE, os.mkdir, "d/e")
    carol = BOB._replace(uid=64003)
    fails(EPERM, by, carol, os.unlink, "d/f")
    fails(EPERM, by, carol, os.rmdir, "d/e")
    fails(EPERM, by, carol, os.rename, "d/f", "d/g")
    by(carol, make, "d/own")
    fails(EPERM, by, carol, os.rename, "d/own", "d/f")
    by(carol, os.unlink, "d/own")
    by(BOB, os.unlink, "d/f")
    by(ALICE, os.rmdir, "d/e")


# --- times ---

@case("only the owner may set times, and users with write permission may set them to now")
def _():
    made("f", 0o666, ALICE.uid, ALICE.gid)
    then = (1000000000, 0)
    fails(EPERM, by, BOB, utimensat, "f", then, then)
    fails(EPERM, by, BOB, utimensat, "f", (0, UTIME_OMIT), (0, UTIME_NOW))
    by(BOB, utimensat, "f", (0, UTIME_NOW), (0, UTIME_NOW))
    by(BOB, utimensat, "f", (0, UTIME_OMIT), (0, UTIME_OMIT))
    by(ALICE, utimensat, "f", then, then)
    equal(os.stat("f").st_mtime, 1000000000)
    os.chmod("f", 0o644)
    fails(EACCES, by, BOB, utimensat, "f", (0, UTIME_NOW), (0, UTIME_NOW))


@case("times before 1970 are kept")
def _():
    put("f", b"text")
    for seconds in (-1, -1000000000, 0):
        utimensat("f", (seconds, 5), (seconds, 7))
        found = os.stat("f")
        equal((found.st_atime_ns, found.st_mtime_ns),
              (seconds * 10**9 + 5, seconds * 10**9 + 7))


main()
