#!/usr/bin/python3 -B
"""File handles, as an NFS server uses them: name_to_handle_at and open_by_handle_at."""
import os
from errno import EBADF, EINVAL, ENOENT, EOVERFLOW, EPERM, ESTALE

from shared.cases import case, equal, fails, get, main, pattern, put, true
from shared.linux import AT_SYMLINK_FOLLOW, handle_and_mount, name_to_handle, open_by_handle
from shared.people import ALICE, by, elsewhere


def opened(handle, flags=os.O_RDONLY):
    mount = os.open(".", os.O_RDONLY)
    try:
        return open_by_handle(mount, handle, flags)
    finally:
        os.close(mount)


def read(handle):
    fd = opened(handle)
    try:
        return os.pread(fd, 1 << 20, 0)
    finally:
        os.close(fd)


def forget():
    """Drops the unused names and inodes of the kernel, so that a handle has only its number."""
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("2")


@case("a handle opens its file for reading and writing, in another process")
def _():
    put("a", b"text")
    handle = name_to_handle("a")
    equal(read(handle), b"text")
    equal(elsewhere(read, handle), b"text")
    os.write(opened(handle, os.O_RDWR | os.O_APPEND), b" more")
    equal(get("a"), b"text more")


@case("a handle stays valid when the file, or its directory, is renamed")
def _():
    os.makedirs("x/y")
    put("x/y/a", b"text")
    handle = name_to_handle("x/y/a")
    os.rename("x/y/a", "x/y/b")
    os.rename("x", "z")
    equal(read(handle), b"text")
    equal(name_to_handle("z/y/b"), handle, "the handle by the new name")


@case("all names of a file have the same handle, and every file, even a new one, has its own")
def _():
    put("a")
    put("b")
    os.link("a", "c")
    handle = name_to_handle("a")
    equal(name_to_handle("c"), handle)
    true(name_to_handle("b") != handle, "two files have one handle")
    os.unlink("a")
    os.unlink("c")
    put("a")
    true(name_to_handle("a") != handle, "the next file has the handle of the last")


@case("the handle of a removed file fails with ESTALE, unless somebody has it open")
def _():
    put("a", b"text")
    handle = name_to_handle("a")
    fd = os.open("a", os.O_RDONLY)
    os.unlink("a")
    equal(read(handle), b"text")
    os.close(fd)
    for n in range(20):
        put(f"a{n}", b"other")
    fails(ESTALE, opened, handle)
    forget()
    fails(ESTALE, opened, handle)


@case("a directory's handle gives access to its entries and to its parent")
def _():
    os.makedirs("x/d/e")
    put("x/d/a", b"text")
    fd = opened(name_to_handle("x/d"))
    equal(sorted(os.listdir(fd)), ["a", "e"])
    equal(os.stat("a", dir_fd=fd).st_size, 4, "the size of a file in it")
    equal(os.stat("..", dir_fd=fd).st_ino, os.stat("x").st_ino, "the inode of '..'")
    os.rename("x/d", "d")
    equal(os.stat("..", dir_fd=fd).st_ino, os.stat(".").st_ino, "the inode of '..' after a move")


@case("handles stay valid after the kernel has forgotten names: files, directories, '..'")
def _():
    os.makedirs("x/y/z")
    put("x/y/z/a", pattern(100000))
    os.setxattr("x/y/z/a", "user.x", b"value")
    inodes = os.stat("x/y/z/a").st_ino, os.stat("x/y").st_ino
    file, directory = name_to_handle("x/y/z/a"), name_to_handle("x/y/z")
    forget()
    fd = opened(file)
    equal(os.pread(fd, 100000, 0) == pattern(100000), True, "equality")
    equal(os.fstat(fd).st_ino, inodes[0], "the inode")
    equal(os.getxattr(fd, "user.x"), b"value")
    forget()
    fd = opened(directory)
    equal(os.stat("..", dir_fd=fd).st_ino, inodes[1], "the inode of '..'")
    equal(os.listdir(fd), ["a"])
    equal(os.readlink(f"/proc/self/fd/{fd}")[-6:], "/x/y/z", "the path of the directory")


@case("a symlink has a handle of its own; AT_SYMLINK_FOLLOW gives its target's")
def _():
    put("a", b"text")
    os.symlink("a", "s")
    true(name_to_handle("s") != name_to_handle("a"), "the symlink has the target's handle")
    equal(name_to_handle("s", AT_SYMLINK_FOLLOW), name_to_handle("a"))
    fd = opened(name_to_handle("s"), os.O_PATH | os.O_NOFOLLOW)
    equal(os.readlink("", dir_fd=fd), "a")


@case("a small buffer fails with EOVERFLOW and returns the size; a handle has at most 128 bytes")
def _():
    put("a")
    fails(EOVERFLOW, handle_and_mount, "a", 0, 0)
    true(0 < len(name_to_handle("a").data) <= 128, "the size of a handle")
    fails(ENOENT, name_to_handle, "none")
    fails(EINVAL, handle_and_mount, "a", 0, 129)


@case("the mount id returned with a handle is that of the file's mount")
def _():
    put("a")
    os.mkdir("d")
    device = os.stat(".").st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounts = {int(line.split()[0]) for line in file if line.split()[2] == number}
    for path in ("a", "d"):
        true(handle_and_mount(path)[1] in mounts, "it is another mount")


@case("only root opens by handle (EPERM); a broken handle fails with ESTALE, no mount with EBADF")
def _():
    put("a")
    os.chmod("a", 0o666)
    handle = name_to_handle("a")
    fails(EPERM, by, ALICE, opened, handle)
    fails(ESTALE, opened, handle._replace(data=bytes(len(handle.data))))
    fails(EBADF, open_by_handle, 999, handle, os.O_RDONLY)


@case("each of 500 handles opens its own file after the caches are dropped")
def _():
    handles = []
    for n in range(500):
        put(f"a{n}", b"%d" % n)
        handles.append(name_to_handle(f"a{n}"))
    forget()
    for n, handle in enumerate(handles):
        equal(read(handle), b"%d" % n)


main()
