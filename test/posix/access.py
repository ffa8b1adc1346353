#!/usr/bin/python3 -B
"""Permissions: mode bits, groups, the sticky bit, running programs."""
import os
import shutil
import stat
import subprocess
from errno import EACCES, ENOENT, EPERM

from shared.cases import case, equal, fails, get, main, put, true
from shared.people import ALICE, BOB, ROOT, STAFF, by, start

# The shift of the mode bits of each class of users, for a file of Alice and STAFF.
CLASSES = {"the owner": (ALICE, 6), "the group": (BOB._replace(gid=STAFF), 3),
           "a member of the group": (BOB.of(5, 6, STAFF), 3), "another": (BOB, 0)}


def file_of(path, mode, data=b""):
    put(path, data)
    os.chown(path, ALICE.uid, STAFF)
    os.chmod(path, mode)


def may(call, *args):
    try:
        result = call(*args)
    except PermissionError:
        return False
    if call is os.open:
        os.close(result)
    return True


@case("the owner's, the group's or the others' bits decide about reading and writing a file")
def _():
    for name, (who, shift) in CLASSES.items():
        for bits in range(8):
            # The other classes have the opposite bits, which must not matter.
            file_of("a", 0o111 * (7 - bits) & ~(7 << shift) | bits << shift)
            got = by(who, lambda: tuple(may(os.open, "a", flags)
                                        for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR)))
            wanted = bool(bits & 4), bool(bits & 2), bits & 6 == 6
            equal(got, wanted, f"what {name} may with {bits}")
            got = by(who, lambda: tuple(os.access("a", way)
                                        for way in (os.R_OK, os.W_OK, os.X_OK)))
            equal(got, (wanted[0], wanted[1], bool(bits & 1)), f"access for {name} with {bits}")
            os.unlink("a")


@case("the r, w and x bits of a directory decide about listing, changing and searching it")
def _():
    for name, (who, shift) in CLASSES.items():
        for bits in range(8):
            os.mkdir("d")
            put("d/a")
            os.chown("d", ALICE.uid, STAFF)
            os.chmod("d", bits << shift)
            got = by(who, lambda: (may(os.listdir, "d"), may(os.stat, "d/a"), may(os.mkdir, "d/b"),
                                   may(os.unlink, "d/a"), may(os.chdir, "d")))
            search, change = bool(bits & 1), bits & 3 == 3
            equal(got, (bool(bits & 4), search, change, change, search),
                  f"what {name} may with {bits}")
            shutil.rmtree("d")


@case("root reads and writes everything, and executes a file with any x bit")
def _():
    file_of("a", 0)
    os.mkdir("d")
    os.chmod("d", 0)
    os.close(os.open("a", os.O_RDWR))
    put("d/a")
    equal(os.listdir("d"), ["a"])
    equal(os.access("a", os.X_OK), False, "execution of a file without x")
    os.chmod("a", 0o001)
    equal(os.access("a", os.X_OK), True, "execution of a file with x for others")


@case("each of forty supplementary groups counts")
def _():
    groups = tuple(range(70000, 70040))
    for group in (groups[0], groups[16], groups[31], groups[39]):
        put("a", b"text")
        os.chown("a", 0, group)
        os.chmod("a", 0o060)
        by(ALICE.of(*groups), put, "a", b"other")
        equal(by(ALICE.of(*groups), get, "a"), b"other")
        fails(EACCES, by, ALICE.of(*(set(groups) - {group})), get, "a")


@case("the members of a directory's group, and nobody else, make files in it")
def _():
    os.mkdir("d")
    os.chown("d", 0, STAFF)
    os.chmod("d", 0o770)

    def make():
        put("d/a")
        os.mkdir("d/b")
        os.symlink("x", "d/c")
        os.rename("d/a", "d/e")
        os.link("d/e", "d/f")
        os.unlink("d/e")
        os.rmdir("d/b")
    by(ALICE.of(5, STAFF), make)
    fails(EACCES, by, ALICE, os.mkdir, "d/x")


@case("every directory on a path is checked for permission")
def _():
    os.makedirs("x/y/z")
    put("x/y/z/a", b"text")
    equal(by(ALICE, get, "x/y/z/a"), b"text")
    for path in ("x", "x/y", "x/y/z"):
        os.chmod(path, 0o700)
        for call in (get, os.stat, os.listdir, os.unlink, os.rmdir, os.readlink,
                     lambda path: os.chmod(path, 0o777), lambda path: os.truncate(path, 0)):
            fails(EACCES, by, ALICE, call, "x/y/z/a")
        fails(EACCES, by, ALICE, os.stat, "x/y/z/none")
        os.chmod(path, 0o755)
    fails(ENOENT, by, ALICE, os.stat, "x/y/z/none")


@case("a change of mode or group takes effect at once, even for names that were looked up before")
def _():
    os.mkdir("d")
    put("d/a", b"text")
    equal(by(ALICE, get, "d/a"), b"text")
    os.chmod("d/a", 0o600)
    fails(EACCES, by, ALICE, get, "d/a")
    os.chmod("d/a", 0o644)
    os.chmod("d", 0o600)
    fails(EACCES, by, ALICE, get, "d/a")
    os.chmod("d", 0o755)
    equal(by(ALICE, get, "d/a"), b"text")
    os.chmod("d/a", 0o640)
    os.chown("d/a", 0, ALICE.gid)
    equal(by(ALICE, get, "d/a"), b"text")


@case("an open file stays usable, because permission is checked at open")
def _():
    put("a", b"text")
    os.chmod("a", 0o666)
    os.mkdir("d")
    os.chmod("d", 0o777)

    def use():
        fd = os.open("a", os.O_RDWR)
        below = os.open("d", os.O_RDONLY)
        os.write(said, b"!")
        os.read(may_go, 1)
        os.pwrite(fd, b"T", 0)
        os.listdir(below)
        return os.pread(fd, 9, 0)
    saying, said = os.pipe()
    may_go, go = os.pipe()
    using = start(use, who=ALICE)
    os.read(saying, 1)
    os.chmod("a", 0)
    os.chmod("d", 0)
    os.write(go, b"!")
    equal(using.result(), b"Text")


@case("a file created without permission bits is open to its creator")
def _():
    os.chmod(".", 0o777)

    def make():
        fd = os.open("a", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0)
        os.write(fd, b"text")
        return os.pread(fd, 9, 0)
    equal(by(ALICE, make), b"text")
    fails(EACCES, by, ALICE, get, "a")


@case("truncate, O_TRUNC and O_CREAT of an existing file need write permission")
def _():
    put("a", b"text")
    os.chmod(".", 0o777)
    fails(EACCES, by, ALICE, os.truncate, "a", 0)
    fails(EACCES, by, ALICE, os.open, "a", os.O_RDONLY | os.O_TRUNC)
    fails(EACCES, by, ALICE, os.open, "a", os.O_WRONLY | os.O_CREAT)
    by(ALICE, lambda: os.close(os.open("a", os.O_RDONLY | os.O_CREAT)))
    equal(get("a"), b"text")


@case("in a sticky directory only root and the owners of the file or the directory remove a file")
def _():
    os.mkdir("t")
    os.chmod("t", 0o1777)

    def make(*names):
        for name in names:
            put(f"t/{name}")
            os.mkdir(f"t/{name}.d")
    by(ALICE, make, "a", "b", "c")
    fails(EPERM, by, BOB, os.unlink, "t/a")
    fails(EPERM, by, BOB, os.rmdir, "t/a.d")
    by(ALICE, os.unlink, "t/a")
    by(ALICE, os.rmdir, "t/a.d")
    os.chown("t", BOB.uid, BOB.gid)
    by(BOB, os.unlink, "t/b")
    by(BOB, os.rmdir, "t/b.d")
    by(ROOT, os.unlink, "t/c")
    by(ROOT, os.rmdir, "t/c.d")


@case("O_NOATIME, O_TRUNC and execution are checked against the same bits")
def _():
    file_of("a", 0o604, b"text")
    fails(EACCES, by, BOB.of(STAFF), os.open, "a", os.O_RDONLY)
    fails(EPERM, by, BOB, os.open, "a", os.O_RDONLY | os.O_NOATIME)
    fails(EACCES, by, BOB, os.open, "a", os.O_RDONLY | os.O_TRUNC)


# --- running programs ---

def program(path, mode, source="/usr/bin/id"):
    shutil.copyfile(os.path.realpath(source), path)
    os.chmod(path, mode)


def run(*args):
    return subprocess.run(args, check=True, capture_output=True, text=True).stdout.strip()


@case("a program with x and without r runs; without x it fails with EACCES")
def _():
    program("id", 0o711)
    equal(by(ALICE, run, "./id", "-u"), str(ALICE.uid))
    os.chmod("id", 0o744)
    fails(EACCES, by, ALICE, run, "./id", "-u")
    os.chmod("id", 0)
    fails(EACCES, run, "./id", "-u")


@case("a script is run by its interpreter, and must be readable by the caller")
def _():
    put("script", b"#!/bin/sh\necho ran $1\n", 0o755)
    equal(by(ALICE, run, "./script", "well"), "ran well")
    os.chmod("script", 0o711)
    failed = by(ALICE, lambda: subprocess.run(["./script"], stderr=subprocess.DEVNULL, check=False))
    true(failed.returncode != 0, "an unreadable script ran")


@case("setuid and setgid programs run as their owner and group")
def _():
    program("id", 0o755)
    os.chown("id", ALICE.uid, STAFF)
    os.chmod("id", 0o6755)
    equal(by(BOB, run, "./id", "-u"), str(ALICE.uid), "the effective user")
    equal(by(BOB, run, "./id", "-g"), str(STAFF), "the effective group")
    equal(by(BOB, run, "./id", "-ru"), str(BOB.uid), "the real user")
    by(ALICE, os.chmod, "id", 0o755)
    equal(by(BOB, run, "./id", "-u"), str(BOB.uid), "the user without the bit")


@case("a program that a user wrote to has lost its setuid bit")
def _():
    program("id", 0o755)
    os.chown("id", ALICE.uid, ALICE.gid)
    os.chmod("id", 0o4777)

    def alter():
        with open("id", "r+b", buffering=0) as file:
            file.write(b"\x7f")
    by(BOB, alter)
    equal(stat.S_IMODE(os.stat("id").st_mode), 0o777, "the mode")
    equal(by(BOB, run, "./id", "-u"), str(BOB.uid))


main()
