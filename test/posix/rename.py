#!/usr/bin/python3 -B
"""rename and renameat2: atomicity, files and directories, permission."""
import os
import stat
import threading
from errno import (EACCES, EBUSY, EEXIST, EINVAL, EISDIR, ENAMETOOLONG, ENOENT, ENOTDIR, ENOTEMPTY,
                   EPERM, EXDEV)

from shared.cases import case, equal, fails, get, main, put, true
from shared.linux import RENAME_EXCHANGE, RENAME_NOREPLACE, renameat2
from shared.people import ALICE, BOB, by, start


def links(path):
    return os.lstat(path).st_nlink


# --- files ---

@case("rename gives a file its new name and removes the old one")
def _():
    put("a", b"text")
    before = os.stat("a")

    os.rename("a", "b")

    fails(ENOENT, os.stat, "a")
    equal(get("b"), b"text")
    equal(os.stat("b").st_ino, before.st_ino, "the inode")
    equal(os.listdir("."), ["b"])


@case("rename replaces a file, which is then gone")
def _():
    put("a", b"new")
    put("b", b"old")

    os.rename("a", "b")

    equal(get("b"), b"new")
    equal(os.listdir("."), ["b"])


@case("a file that a rename replaced stays usable while it is open")
def _():
    put("a", b"new")
    put("b", b"old")
    fd = os.open("b", os.O_RDWR)

    os.rename("a", "b")

    equal(os.pread(fd, 9, 0), b"old")
    equal(os.pwrite(fd, b"more", 3), 4)
    equal(os.pread(fd, 9, 0), b"oldmore")
    equal(os.fstat(fd).st_nlink, 0, "the link count of the replaced file")
    equal(get("b"), b"new")


@case("a file that is renamed stays usable while it is open")
def _():
    fd = os.open("a", os.O_RDWR | os.O_CREAT)
    os.rename("a", "b")

    os.write(fd, b"text")

    equal(get("b"), b"text")


@case("at every moment of a rename over a file one of the two is there")
def _():
    put("b", b"0")
    missing = []

    def look():
        while not done.is_set():
            try:
                os.close(os.open("b", os.O_RDONLY))
            except OSError as problem:
                missing.append(problem)

    done = threading.Event()
    looking = threading.Thread(target=look)
    looking.start()
    for n in range(300):
        put("a", b"%d" % n)
        os.rename("a", "b")
    done.set()
    looking.join()
    equal(missing, [], "what looking for the name met")


@case("rename between two names of one file does nothing")
def _():
    put("a", b"text")
    os.link("a", "b")

    os.rename("a", "b")

    equal(sorted(os.listdir(".")), ["a", "b"])
    equal(links("a"), 2, "the link count")


@case("rename of a name to itself does nothing")
def _():
    put("a", b"text")
    os.rename("a", "a")
    equal(get("a"), b"text")


@case("rename over one of several names keeps the others")
def _():
    put("a", b"new")
    put("b", b"old")
    os.link("b", "c")

    os.rename("a", "b")

    equal(get("c"), b"old")
    equal(links("c"), 1, "the link count of what kept one name")


@case("rename moves a symlink, not its target")
def _():
    put("target", b"text")
    os.symlink("target", "a")
    os.rename("a", "b")
    equal(os.readlink("b"), "target")

    put("c", b"other")
    os.rename("c", "b")
    equal(get("b"), b"other")
    equal(get("target"), b"text")


@case("rename updates the ctime of the file and the mtime of both directories")
def _():
    os.mkdir("x")
    os.mkdir("y")
    put("x/a")
    for path in ("x", "y", "x/a"):
        os.utime(path, (1, 1))
    before = os.stat("x/a")

    os.rename("x/a", "y/a")

    after = os.stat("y/a")
    equal(after.st_mtime_ns, before.st_mtime_ns, "the mtime of the file")
    true(after.st_ctime_ns > before.st_ctime_ns, "the ctime of the file stood still")
    for path in ("x", "y"):
        true(os.stat(path).st_mtime > 1, f"the mtime of {path} stood still")


# --- directories ---

@case("a directory moves with everything in it")
def _():
    os.makedirs("x/in/deep")
    put("x/in/deep/a", b"text")
    os.mkdir("y")

    os.rename("x/in", "y/out")

    equal(get("y/out/deep/a"), b"text")
    equal(os.listdir("x"), [])


@case("'..' of a moved directory is its new parent")
def _():
    os.makedirs("x/moved")
    os.mkdir("y")
    inside = os.open("x/moved", os.O_RDONLY)

    os.rename("x/moved", "y/moved")

    equal(os.stat("y/moved/..").st_ino, os.stat("y").st_ino, "the inode of '..'")
    equal(os.stat("..", dir_fd=inside).st_ino, os.stat("y").st_ino, "'..' of the open one")


@case("link counts of directories are correct after a move")
def _():
    os.makedirs("x/moved")
    os.mkdir("y")
    equal((links("x"), links("y")), (3, 2), "before the move")

    os.rename("x/moved", "y/moved")

    equal((links("x"), links("y")), (2, 3), "after the move")


@case("rename replaces an empty directory, and link counts stay correct")
def _():
    os.makedirs("x/a")
    os.makedirs("x/b")
    put("x/a/in", b"text")
    fd = os.open("x/b", os.O_RDONLY)

    os.rename("x/a", "x/b")

    equal(get("x/b/in"), b"text")
    equal(links("x"), 3, "the link count of the parent")
    equal(os.fstat(fd).st_nlink, 0, "the link count of the replaced one")


@case("rename over a directory with entries fails with ENOTEMPTY")
def _():
    os.mkdir("a")
    os.makedirs("b/in")
    fails(ENOTEMPTY, os.rename, "a", "b")
    equal(sorted(os.listdir(".")), ["a", "b"])


@case("rename of a directory over a file fails with ENOTDIR")
def _():
    os.mkdir("a")
    put("b")
    fails(ENOTDIR, os.rename, "a", "b")


@case("rename of a file over a directory fails with EISDIR")
def _():
    put("a")
    os.mkdir("b")
    fails(EISDIR, os.rename, "a", "b")


@case("rename of a directory into itself or below fails with EINVAL")
def _():
    os.makedirs("a/b/c")
    fails(EINVAL, os.rename, "a", "a/d")
    fails(EINVAL, os.rename, "a", "a/b/c/d")


@case("rename over an ancestor fails with ENOTEMPTY")
def _():
    os.makedirs("a/b/c")
    fails(ENOTEMPTY, os.rename, "a/b/c", "a")


@case("of two concurrent moves that would make a loop one is refused")
def _():
    for _ in range(40):
        os.makedirs("x")
        os.makedirs("y")
        racing = [start(_try, "x", "y/x"), start(_try, "y", "x/y")]
        moved = [one.result() for one in racing]
        equal(sorted(moved), [False, True], "who moved")
        equal(len(os.listdir(".")), 1, "the number of directories at the top")
        for path, below, _ in list(os.walk(".", topdown=False)):
            for name in below:
                os.rmdir(f"{path}/{name}")


def _try(old, new):
    try:
        os.rename(old, new)
        return True
    except OSError:
        return False


@case("rename with '.' or '..' as the last component fails with EBUSY")
def _():
    os.makedirs("a/b")
    for old, new in (("a/.", "c"), ("a/b/..", "c"), ("a", "."), ("a", "a/b/..")):
        fails(EBUSY, os.rename, old, new)


# --- errors ---

@case("rename of a missing name, or into a missing directory, fails with ENOENT")
def _():
    put("a")
    fails(ENOENT, os.rename, "none", "b")
    fails(ENOENT, os.rename, "a", "none/b")
    fails(ENOENT, os.rename, "", "b")
    fails(ENOENT, os.rename, "a", "")


@case("rename through a file fails with ENOTDIR")
def _():
    put("a")
    put("b")
    fails(ENOTDIR, os.rename, "a/x", "c")
    fails(ENOTDIR, os.rename, "a", "b/x")


@case("rename of a file to a name with a trailing slash fails with ENOTDIR")
def _():
    put("a")
    fails(ENOTDIR, os.rename, "a", "b/")
    os.mkdir("d")
    os.rename("d", "e/")
    true(os.path.isdir("e"), "a directory was not renamed to a name with a slash at its end")


@case("rename to a name of 256 bytes fails with ENAMETOOLONG")
def _():
    put("a")
    fails(ENAMETOOLONG, os.rename, "a", "n" * 256)
    os.rename("a", "n" * 255)


@case("rename to another filesystem fails with EXDEV")
def _():
    put("a")
    fails(EXDEV, os.rename, "a", "/proc/a")


# --- permission ---

@case("rename needs write permission on both directories")
def _():
    for path, mode in (("x", 0o777), ("y", 0o755)):
        os.mkdir(path)
        os.chmod(path, mode)
    put("x/a")
    put("y/a")

    fails(EACCES, by, ALICE, os.rename, "x/a", "y/b")
    fails(EACCES, by, ALICE, os.rename, "y/a", "x/b")
    by(ALICE, os.rename, "x/a", "x/b")


@case("in a sticky directory only the owner of the file or of the directory renames it")
def _():
    os.mkdir("t")
    os.chmod("t", 0o1777)
    by(ALICE, put, "t/a")

    fails(EPERM, by, BOB, os.rename, "t/a", "t/b")
    by(ALICE, os.rename, "t/a", "t/b")
    os.chown("t", BOB.uid, BOB.gid)
    by(BOB, os.rename, "t/b", "t/c")


@case("in a sticky directory nobody replaces another user's file")
def _():
    os.mkdir("t")
    os.chmod("t", 0o1777)
    by(ALICE, put, "t/a")
    by(BOB, put, "t/b")
    fails(EPERM, by, BOB, os.rename, "t/b", "t/a")


@case("a user cannot move a directory without write permission on it, because '..' would change")
def _():
    for path in ("x", "y"):
        os.mkdir(path)
        os.chmod(path, 0o777)
    os.mkdir("x/d", 0o755)
    fails(EACCES, by, ALICE, os.rename, "x/d", "y/d")
    by(ALICE, os.rename, "x/d", "x/e")


# --- renameat2 ---

@case("RENAME_NOREPLACE renames to a free name and fails with EEXIST for an existing one")
def _():
    put("a", b"a")
    put("b", b"b")
    fails(EEXIST, renameat2, "a", "b", RENAME_NOREPLACE)
    equal(get("b"), b"b")
    renameat2("a", "c", RENAME_NOREPLACE)
    equal(get("c"), b"a")


@case("of many concurrent RENAME_NOREPLACE to one name one succeeds")
def _():
    def attempt(name):
        put(name)
        try:
            renameat2(name, "goal", RENAME_NOREPLACE)
            return 1
        except FileExistsError:
            return 0

    racing = [start(attempt, f"a{n}") for n in range(8)]
    equal(sum(one.result() for one in racing), 1, "the number of winners")


@case("RENAME_EXCHANGE swaps two files")
def _():
    put("a", b"a")
    put("b", b"b")
    inodes = os.stat("a").st_ino, os.stat("b").st_ino

    renameat2("a", "b", RENAME_EXCHANGE)

    equal((get("a"), get("b")), (b"b", b"a"))
    equal((os.stat("b").st_ino, os.stat("a").st_ino), inodes, "the inodes")


@case("RENAME_EXCHANGE of a file and a directory with entries updates '..' and link counts")
def _():
    os.makedirs("x/d/in")
    os.mkdir("y")
    put("y/f", b"text")

    renameat2("x/d", "y/f", RENAME_EXCHANGE)

    equal(get("x/d"), b"text")
    equal(os.listdir("y/f"), ["in"])
    equal(os.stat("y/f/..").st_ino, os.stat("y").st_ino, "the inode of '..'")
    equal((links("x"), links("y")), (2, 3), "the link counts of the parents")


@case("RENAME_EXCHANGE needs both names, and cannot make a loop")
def _():
    os.makedirs("a/b")
    fails(ENOENT, renameat2, "a", "none", RENAME_EXCHANGE)
    fails(ENOENT, renameat2, "none", "a", RENAME_EXCHANGE)
    fails(EINVAL, renameat2, "a", "a/b", RENAME_EXCHANGE)
    fails(EINVAL, renameat2, "a/b", "a", RENAME_EXCHANGE)


@case("renameat2 fails with EINVAL for NOREPLACE with EXCHANGE, and for unknown flags")
def _():
    put("a")
    put("b")
    fails(EINVAL, renameat2, "a", "b", RENAME_NOREPLACE | RENAME_EXCHANGE)
    fails(EINVAL, renameat2, "a", "b", 1 << 20)


@case("RENAME_EXCHANGE across a sticky directory needs permission for both names")
def _():
    os.mkdir("t")
    os.chmod("t", 0o1777)
    by(ALICE, put, "t/a")
    by(BOB, put, "t/b")
    fails(EPERM, by, ALICE, renameat2, "t/a", "t/b", RENAME_EXCHANGE)


@case("rename keeps mode, owner, times and xattrs")
def _():
    put("a")
    os.chmod("a", 0o4751)
    os.chown("a", ALICE.uid, BOB.gid)
    os.chmod("a", 0o4751)
    os.setxattr("a", "user.x", b"value")
    os.utime("a", ns=(10**18 + 1, 10**18 + 2))

    os.mkdir("d")
    os.rename("a", "d/b")

    info = os.stat("d/b")
    equal(stat.S_IMODE(info.st_mode), 0o4751, "the mode")
    equal((info.st_uid, info.st_gid), (ALICE.uid, BOB.gid), "the owner")
    equal(info.st_mtime_ns, 10**18 + 2, "the mtime")
    equal(os.getxattr("d/b", "user.x"), b"value", "the xattr")


main()
