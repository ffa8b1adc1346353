#!/usr/bin/python3 -B
"""Names and paths: bytes, lengths, '.' and '..', creation and removal."""
import os
import stat
from errno import (EEXIST, EINVAL, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ENOTEMPTY)

from shared.cases import case, equal, fails, get, main, put, true
from shared.linux import Directory
from shared.people import elsewhere, start

LONG = "n" * 255


def makers():
    """Returns every call that creates a name, on a path; "file" must exist."""
    return [lambda path: os.close(os.open(path, os.O_CREAT | os.O_WRONLY)),
            os.mkdir, os.mkfifo, os.mknod,
            lambda path: os.symlink("target", path),
            lambda path: os.link("file", path)]


# --- bytes and lengths ---

@case("a name may contain every byte except '/' and NUL, and is listed unchanged")
def _():
    names = {bytes([byte]) for byte in range(1, 256)} - {b"/", b"."}
    names |= {b"x" + name for name in names} | {b"..."}
    for name in names:
        put(name, name)
    equal(set(os.listdir(b".")), names, "the listing")
    for name in names:
        equal(get(name), name, f"the file {name}")


@case("names that differ only in case or in Unicode normalization are different names")
def _():
    names = ["straße", "Straße", "STRASSE", "caf\u00e9", "cafe\u0301", "a", "A", "a ", " a"]
    for name in names:
        put(name, name.encode())
    for name in names:
        equal(get(name).decode(), name)
    equal(len(os.listdir(".")), len(names), "the number of names")


@case("every call that makes a name accepts one of 255 bytes")
def _():
    put("file")
    for number, make in enumerate(makers()):
        os.mkdir(str(number))
        make(f"{number}/{LONG}")
        equal(os.listdir(str(number)), [LONG])
        os.lstat(f"{number}/{LONG}")
    put("ü" * 127 + "x", b"text")
    equal(get("ü" * 127 + "x"), b"text")


@case("a name of 256 bytes fails with ENAMETOOLONG in every call that makes or looks up a name")
def _():
    put("file")
    too_long = LONG + "n"
    for call in (*makers(), os.stat, os.lstat, os.unlink, os.rmdir, os.readlink, os.chdir,
                 os.listdir, lambda path: os.truncate(path, 0)):
        fails(ENAMETOOLONG, call, too_long)
        fails(ENAMETOOLONG, call, too_long + "/below")


@case("pathconf returns NAME_MAX 255 and PATH_MAX 4096")
def _():
    equal(os.pathconf(".", "PC_NAME_MAX"), 255, "NAME_MAX")
    equal(os.pathconf(".", "PC_PATH_MAX"), 4096, "PATH_MAX")
    equal(os.statvfs(".").f_namemax, 255, "f_namemax")


@case("a path of 4095 bytes works, and one of 4096 fails with ENAMETOOLONG")
def _():
    path = "/".join([LONG] * 15)
    os.makedirs(path)
    path += "/" + LONG
    equal(len(path), 4095)
    put(path, b"text")
    equal(get(path), b"text")
    fails(ENAMETOOLONG, os.stat, "/" + path)
    fails(ENAMETOOLONG, os.mkdir, "./" + path)


@case("directories can be nested deeper than PATH_MAX")
def _():
    fd = os.open(".", os.O_RDONLY)
    for _ in range(40):
        os.mkdir(LONG, dir_fd=fd)
        below = os.open(LONG, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    equal(os.listdir(fd), ["file"])
    for _ in range(40):
        up = os.open("..", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = up
    equal(os.fstat(fd).st_ino, os.stat(".").st_ino, "the inode 40 directories up")


# --- '.' and '..' ---

@case("'.' and '..' are listed once, with the inodes that stat returns")
def _():
    os.mkdir("d")
    entries = Directory("d").rest()
    equal(sorted(entry.name for entry in entries), [b".", b".."])
    for entry in entries:
        equal(entry.ino, os.stat(b"d/" + entry.name).st_ino, f"the inode of {entry.name}")
    equal(os.stat("d/..").st_ino, os.stat(".").st_ino, "the inode of '..'")
    equal(os.stat("d/.").st_ino, os.stat("d").st_ino, "the inode of '.'")


@case("'.' and '..' cannot be created (EEXIST), nor removed by unlink or rmdir")
def _():
    os.makedirs("d/in")
    for path in ("d/.", "d/..", ".", ".."):
        fails(EEXIST, os.mkdir, path)
        fails(EEXIST, os.symlink, "x", path)
        fails(EISDIR, os.unlink, path)
    fails(EINVAL, os.rmdir, "d/in/.")
    fails(ENOTEMPTY, os.rmdir, "d/in/..")


@case("a listing shows the kind and the inode of every entry")
def _():
    put("file")
    os.mkdir("dir")
    os.symlink("file", "link")
    os.mkfifo("fifo")
    os.mknod("char", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.mknod("block", stat.S_IFBLK | 0o600, os.makedev(7, 200))
    os.mknod("sock", stat.S_IFSOCK | 0o600)
    entries = [entry for entry in Directory(".").rest() if entry.name not in (b".", b"..")]
    equal(len(entries), 7, "the number of entries")
    for entry in entries:
        info = os.lstat(entry.name)
        equal(entry.ino, info.st_ino, f"the inode of {entry.name}")
        equal(entry.kind, stat.S_IFMT(info.st_mode) >> 12, f"the kind of {entry.name}")


# --- creation and removal ---

@case("creating an existing name, even a dangling symlink, fails with EEXIST")
def _():
    put("file")
    os.mkdir("dir")
    os.symlink("nothing", "link")
    for path in ("file", "dir", "link"):
        for make in makers()[1:]:
            fails(EEXIST, make, path)
        fails(EEXIST, os.open, path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)


@case("creating a name fails with ENOENT in a missing directory and with ENOTDIR below a file")
def _():
    put("file")
    os.symlink("nothing", "link")
    for make in makers():
        fails(ENOENT, make, "none/x")
        fails(ENOENT, make, "link/x")
        fails(ENOENT, make, "")
        fails(ENOTDIR, make, "file/x")


@case("of many concurrent creations of one name, by O_EXCL, mkdir or symlink, one succeeds")
def _():
    for number, make in enumerate((lambda path: os.open(path, os.O_CREAT | os.O_EXCL), os.mkdir,
                                   lambda path: os.symlink("x", path))):
        def attempt(path, make=make):
            try:
                make(path)
                return 1
            except FileExistsError:
                return 0
        racing = [start(attempt, f"goal{number}") for _ in range(8)]
        equal(sum(one.result() for one in racing), 1, "the number of winners")


@case("rmdir removes only empty directories: ENOTEMPTY, ENOTDIR, ENOENT")
def _():
    os.mkdir("d")
    put("d/file")
    os.symlink("d", "link")
    fails(ENOTEMPTY, os.rmdir, "d")
    fails(ENOTDIR, os.rmdir, "d/file")
    fails(ENOTDIR, os.rmdir, "link")
    fails(ENOENT, os.rmdir, "none")
    os.unlink("d/file")
    os.rmdir("d")
    fails(ENOENT, os.stat, "d")


@case("unlink removes everything except directories: EISDIR")
def _():
    os.mkdir("d")
    fails(EISDIR, os.unlink, "d")
    for number, make in enumerate([makers()[0], *makers()[2:5]]):
        make(f"x{number}")
        os.unlink(f"x{number}")
    equal(os.listdir("."), ["d"])
    fails(ENOENT, os.unlink, "x0")


@case("a removed directory accepts no new names and lists nothing")
def _():
    os.mkdir("d")
    fd = os.open("d", os.O_RDONLY)
    os.rmdir("d")
    equal(os.fstat(fd).st_nlink, 0, "the link count")
    fails(ENOENT, os.open, "x", os.O_CREAT | os.O_WRONLY, dir_fd=fd)
    fails(ENOENT, os.mkdir, "x", dir_fd=fd)
    fails(ENOENT, os.symlink, "target", "x", dir_fd=fd)
    put("file")
    fails(ENOENT, os.link, "file", "x", dst_dir_fd=fd)
    fails(ENOENT, os.rename, "file", "x", dst_dir_fd=fd)
    try:
        equal(os.listdir(fd), [])
    except FileNotFoundError:
        pass


@case("a missing name is found as soon as another process has made it, and not before")
def _():
    for _ in range(50):
        fails(ENOENT, os.stat, "a")
        elsewhere(put, "a", b"text")
        equal(get("a"), b"text")
        elsewhere(os.unlink, "a")


@case("one kind of file can take the name of another after it is removed")
def _():
    put("file")
    for _ in range(3):
        for make, remove in zip(makers(), (os.unlink, os.rmdir, *[os.unlink] * 4)):
            make("a")
            remove("a")
    fails(ENOENT, os.lstat, "a")


# --- slashes and symlinks in paths ---

@case("a trailing slash requires a directory")
def _():
    put("file")
    os.mkdir("d/")
    os.symlink("d", "to-d")
    os.symlink("file", "to-file")
    for path in ("file/", "to-file/"):
        for call in (os.stat, os.lstat, os.unlink, os.chdir, os.listdir,
                     lambda path: os.open(path, os.O_RDONLY)):
            fails(ENOTDIR, call, path)
    fails(EISDIR, os.open, "new/", os.O_CREAT | os.O_WRONLY)
    true(stat.S_ISDIR(os.lstat("to-d/").st_mode), "a symlink with a slash was not followed")
    os.rmdir("d/")


@case("repeated slashes and dots in a path have no effect")
def _():
    os.makedirs("d/e")
    put("d/e/file", b"text")
    equal(get(".//d///./e/..//e/./file"), b"text")


@case("a path through a file fails, even to '..'")
def _():
    put("file")
    for path in ("file/x", "file/..", "file/."):
        fails(ENOTDIR, os.stat, path)


@case("40 symlinks on a path are followed; 41, and a loop, fail with ELOOP")
def _():
    put("0", b"text")
    for number in range(1, 42):
        os.symlink(str(number - 1), str(number))
    equal(get("40"), b"text")
    fails(ELOOP, os.stat, "41")
    os.symlink("loop", "loop")
    fails(ELOOP, os.stat, "loop")
    fails(ELOOP, os.stat, "loop/x")
    fails(ELOOP, os.open, "loop", os.O_CREAT | os.O_WRONLY)


# --- open ---

@case("O_CREAT creates the target of a dangling symlink, except with O_EXCL")
def _():
    os.symlink("target", "link")
    fails(EEXIST, os.open, "link", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    put("link", b"text")
    equal(get("target"), b"text")


@case("O_NOFOLLOW fails with ELOOP for a symlink, O_DIRECTORY with ENOTDIR for a file")
def _():
    put("file")
    os.mkdir("d")
    os.symlink("file", "link")
    fails(ELOOP, os.open, "link", os.O_RDONLY | os.O_NOFOLLOW)
    fails(ENOTDIR, os.open, "file", os.O_RDONLY | os.O_DIRECTORY)
    os.open("d", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


@case("opening a directory for writing fails with EISDIR")
def _():
    os.mkdir("d")
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_CREAT, os.O_RDONLY | os.O_TRUNC):
        fails(EISDIR, os.open, "d", flags)


@case("an O_PATH descriptor refers to a file that moves, and to the entries of a directory")
def _():
    os.mkdir("d")
    put("d/file", b"text")
    os.chmod("d/file", 0)
    fd = os.open("d", os.O_PATH)
    equal(os.stat("file", dir_fd=fd).st_size, 4, "the size")
    link = os.open("d/file", os.O_PATH)
    os.rename("d/file", "moved")
    equal(os.fstat(link).st_ino, os.stat("moved").st_ino, "the inode")


main()
