#!/usr/bin/python3 -B
"""inotify and fanotify: watches of a folder report what happens in it."""
import ctypes
import os
import struct
from errno import EINVAL, ENOENT, ENOTDIR, EPERM

from shared.cases import case, equal, fails, get, main, put, true
from shared.linux import AT_FDCWD, call
from shared.people import elsewhere, start

ACCESS, MODIFY, ATTRIB, CLOSE_WRITE, CLOSE_NOWRITE, OPEN = 0x1, 0x2, 0x4, 0x8, 0x10, 0x20
MOVED_FROM, MOVED_TO, CREATE, DELETE, DELETE_SELF, MOVE_SELF = (0x40, 0x80, 0x100, 0x200, 0x400,
                                                                0x800)
IGNORED, ISDIR, ONLYDIR, ONESHOT = 0x8000, 0x40000000, 0x01000000, 0x80000000
ALL = 0xfff


class Inotify:
    def __init__(self):
        self.fd = call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)

    def watch(self, path, mask):
        return call("inotify_add_watch", self.fd, path, mask)

    def drop(self, watch):
        call("inotify_rm_watch", self.fd, watch)

    def events(self):
        """Returns [(mask, name)] of new events; their cookies are in self.cookies."""
        self.cookies, found = [], []
        while True:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                return found
            while data:
                _, mask, cookie, size = struct.unpack_from("=iIII", data)
                found.append((mask, data[16:16 + size].rstrip(b"\0").decode()))
                if cookie:
                    self.cookies.append(cookie)
                data = data[16 + size:]


def watching(path, mask=ALL):
    told = Inotify()
    told.watch(path, mask)
    return told


@case("inotify reports created names of every kind, by any process")
def _():
    put("file")
    told = watching(".", CREATE)

    def make():
        put("a")
        os.mkdir("d")
        os.symlink("x", "s")
        os.mkfifo("p")
        os.link("file", "l")
    elsewhere(make)
    equal(told.events(), [(CREATE, "a"), (CREATE | ISDIR, "d"), (CREATE, "s"), (CREATE, "p"),
                          (CREATE, "l")])


@case("inotify reports removed names, and to the file's own watch its end")
def _():
    put("a")
    os.mkdir("d")
    told, file, directory = watching(".", DELETE), watching("a"), watching("d", DELETE_SELF)
    elsewhere(os.unlink, "a")
    elsewhere(os.rmdir, "d")
    equal(told.events(), [(DELETE, "a"), (DELETE | ISDIR, "d")])
    equal([mask for mask, _ in file.events()], [ATTRIB, DELETE_SELF, IGNORED])
    equal([mask & 0xffff for mask, _ in directory.events()], [DELETE_SELF, IGNORED])


@case("the deletion of a watched file that is unlinked while open is reported when it is closed")
def _():
    put("a")
    fd = os.open("a", os.O_RDONLY)
    told = watching("a", DELETE_SELF | ATTRIB)
    os.unlink("a")
    equal(told.events(), [(ATTRIB, "")])
    os.close(fd)
    equal([mask for mask, _ in told.events()], [DELETE_SELF, IGNORED])


@case("inotify reports both sides of a rename with one cookie, and the replaced file")
def _():
    os.mkdir("x")
    os.mkdir("y")
    put("x/a")
    put("y/b")
    told = Inotify()
    told.watch("x", MOVED_FROM | MOVED_TO | CREATE | DELETE)
    told.watch("y", MOVED_FROM | MOVED_TO | CREATE | DELETE)
    moved, replaced = watching("x/a", MOVE_SELF), watching("y/b", DELETE_SELF)
    elsewhere(os.rename, "x/a", "y/b")
    equal(told.events(), [(MOVED_FROM, "a"), (MOVED_TO, "b")])
    equal(len(set(told.cookies)), 1, "the number of cookies")
    equal(moved.events(), [(MOVE_SELF, "")])
    equal([mask for mask, _ in replaced.events()], [DELETE_SELF, IGNORED])


@case("inotify reports open, read, write and close, to watches on the file and on its directory")
def _():
    put("a", b"text")
    file, directory = watching("a"), watching(".")

    def use():
        fd = os.open("a", os.O_RDONLY)
        os.read(fd, 9)
        os.close(fd)
        fd = os.open("a", os.O_WRONLY)
        os.write(fd, b"T")
        os.close(fd)
    elsewhere(use)
    wanted = [OPEN, ACCESS, CLOSE_NOWRITE, OPEN, MODIFY, CLOSE_WRITE]
    equal([mask for mask, _ in file.events()], wanted)
    equal(directory.events(), [(mask, "a") for mask in wanted])


@case("inotify reports truncate, fallocate and copies as changes, and changes of attributes")
def _():
    put("a", b"0123456789")
    put("b", b"text")
    told = watching("a", MODIFY | ATTRIB)
    for change, wanted in ((lambda: os.truncate("a", 5), MODIFY),
                           (lambda: os.chmod("a", 0o600), ATTRIB),
                           (lambda: os.chown("a", 5, 6), ATTRIB),
                           (lambda: os.utime("a", (1, 1)), ATTRIB),
                           (lambda: os.setxattr("a", "user.x", b""), ATTRIB),
                           (lambda: os.link("a", "c"), ATTRIB),
                           (lambda: os.posix_fallocate(_writer(), 0, 100), MODIFY),
                           (lambda: os.copy_file_range(_reader(), _writer(), 4, 0, 0), MODIFY),
                           (lambda: put("a", b""), MODIFY)):
        elsewhere(lambda change=change: change() and None)
        equal({mask for mask, _ in told.events()}, {wanted})


def _writer():
    return os.open("a", os.O_WRONLY)


def _reader():
    return os.open("b", os.O_RDONLY)


@case("a change through one name reaches a watch on another name, and no other directory")
def _():
    os.mkdir("x")
    os.mkdir("y")
    put("x/a")
    os.link("x/a", "y/b")
    file, other = watching("y/b", MODIFY), watching("y", MODIFY)
    elsewhere(put, "x/a", b"text")
    equal({mask for mask, _ in file.events()}, {MODIFY})
    equal(other.events(), [])


@case("a watch ends with inotify_rm_watch, or after one event with ONESHOT, and can be replaced")
def _():
    told = Inotify()
    watch = told.watch(".", CREATE)
    equal(told.watch(".", CREATE | DELETE), watch, "the second watch")
    put("a")
    os.unlink("a")
    equal(told.events(), [(CREATE, "a"), (DELETE, "a")])
    told.drop(watch)
    put("b")
    equal([mask for mask, _ in told.events()], [IGNORED])
    told.watch(".", CREATE | ONESHOT)
    put("c")
    put("d")
    equal(told.events(), [(CREATE, "c"), (IGNORED, "")])


@case("a watch follows its directory over a rename, and does not see below subdirectories")
def _():
    os.makedirs("d/e")
    told = watching("d", CREATE)
    os.rename("d", "f")
    put("f/a")
    put("f/e/b")
    equal(told.events(), [(CREATE, "a")])


@case("inotify fails with ENOENT, with ENOTDIR for ONLYDIR, and with EINVAL for no events")
def _():
    put("a")
    told = Inotify()
    fails(ENOENT, told.watch, "none", ALL)
    fails(ENOTDIR, told.watch, "a", ALL | ONLYDIR)
    fails(EINVAL, told.watch, "a", 0)
    fails(EINVAL, told.drop, 99)


@case("thousands of changes are reported one by one and in order")
def _():
    told = watching(".", CREATE | DELETE)

    def churn():
        for n in range(2000):
            os.mkdir(f"d{n}")
            os.rmdir(f"d{n}")
    elsewhere(churn)
    equal([name for _, name in told.events()], [f"d{n}" for n in range(2000) for _ in (1, 2)])


# --- fanotify; see fanotify(7) ---

FAN_CLASS_NOTIF, FAN_CLASS_CONTENT, FAN_NONBLOCK = 0, 4, 2
FAN_MARK_ADD, FAN_MARK_MOUNT = 1, 0x10
FAN_OPEN, FAN_MODIFY, FAN_CLOSE_WRITE, FAN_OPEN_PERM = 0x20, 0x2, 0x8, 0x10000
FAN_EVENT_ON_CHILD = 0x08000000
FAN_ALLOW, FAN_DENY = 1, 2


class Fanotify:
    def __init__(self, kind, wait=False):
        self.fd = call("fanotify_init", kind | (0 if wait else FAN_NONBLOCK), os.O_RDONLY)

    def mark(self, path, mask, flags=0):
        call("fanotify_mark", self.fd, FAN_MARK_ADD | flags, ctypes.c_uint64(mask), AT_FDCWD, path)

    def events(self):
        """Returns [(mask, fd, pid)] of one read; empty if there is no event."""
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return []
        found = []
        while data:
            size, _, _, _, mask, fd, pid = struct.unpack_from("=IBBHQii", data)
            found.append((mask, fd, pid))
            data = data[size:]
        return found

    def answer(self, fd, verdict):
        os.write(self.fd, struct.pack("=iI", fd, verdict))
        os.close(fd)


@case("fanotify reports open, change and close, with the process and a descriptor of the file")
def _():
    put("a", b"text")
    told = Fanotify(FAN_CLASS_NOTIF)
    told.mark(".", FAN_OPEN | FAN_MODIFY | FAN_CLOSE_WRITE | FAN_EVENT_ON_CHILD)
    running = start(put, "a", b"other")
    running.result()
    events = told.events()
    masks = 0
    for mask, fd, pid in events:
        masks |= mask
        equal(pid, running.pid, "the process")
        equal(os.fstat(fd).st_ino, os.stat("a").st_ino, "the inode behind the descriptor")
    equal(masks, FAN_OPEN | FAN_MODIFY | FAN_CLOSE_WRITE)
    equal(os.pread(events[0][1], 9, 0), b"other")


@case("fanotify watches a whole mount")
def _():
    os.makedirs("d/e/f")
    told = Fanotify(FAN_CLASS_NOTIF)
    told.mark(".", FAN_CLOSE_WRITE, FAN_MARK_MOUNT)
    elsewhere(put, "d/e/f/a", b"text")
    inodes = {os.fstat(fd).st_ino for _, fd, _ in told.events()}
    true(os.stat("d/e/f/a").st_ino in inodes, "the change was not told")


@case("a fanotify listener allows or denies an open: EPERM")
def _():
    put("good", b"good")
    put("bad", b"bad")
    told = Fanotify(FAN_CLASS_CONTENT, wait=True)
    told.mark("good", FAN_OPEN_PERM)
    told.mark("bad", FAN_OPEN_PERM)
    for name, verdict in (("good", FAN_ALLOW), ("bad", FAN_DENY)):
        opening = start(get, name)
        (mask, fd, pid), = told.events()
        equal((mask, pid), (FAN_OPEN_PERM, opening.pid))
        equal(os.pread(fd, 9, 0), name.encode(), "what the listener reads")
        true(not opening.ended(0.02), "the open did not wait")
        told.answer(fd, verdict)
        if verdict == FAN_ALLOW:
            equal(opening.result(), b"good")
        else:
            fails(EPERM, opening.result)


main()
