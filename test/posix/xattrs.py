#!/usr/bin/python3 -B
"""Extended attributes: namespaces, sizes, lists, permission, and file capabilities."""
import os
import struct
import subprocess
from errno import E2BIG, EEXIST, EINVAL, ENODATA, ENOSPC, EOPNOTSUPP, EPERM, EACCES, ERANGE

from shared.cases import case, equal, fails, main, pattern, put, true
from shared.linux import call
from shared.people import ALICE, by, elsewhere, start

CAPABILITY = "security.capability"
# cap_net_bind_service=ep; struct vfs_cap_data of linux/capability.h, version 2.
NET_BIND = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)


def listed(path, **how):
    return sorted(os.listxattr(path, **how))


def size_of(path, name):
    """Returns the size that getxattr reports for an empty buffer."""
    return call("getxattr", path, name, b"", 0)


# --- names ---

@case("attributes can be set, read, listed, replaced and removed")
def _():
    put("f")
    os.setxattr("f", "user.a", b"1")
    os.setxattr("f", "user.b", b"\0\xff" * 100)
    os.setxattr("f", "user.a", b"other")

    equal(os.getxattr("f", "user.a"), b"other")
    equal(os.getxattr("f", "user.b"), b"\0\xff" * 100)
    equal(listed("f"), ["user.a", "user.b"])
    os.removexattr("f", "user.a")
    equal(listed("f"), ["user.b"])
    fails(ENODATA, os.getxattr, "f", "user.a")
    fails(ENODATA, os.removexattr, "f", "user.a")
    os.removexattr("f", "user.b")
    equal(listed("f"), [])


@case("the namespaces are user, trusted and security; any other fails with EOPNOTSUPP")
def _():
    put("f")
    for name in ("user.x", "trusted.x", "security.x"):
        os.setxattr("f", name, b"v")
        equal(os.getxattr("f", name), b"v")
    for name in ("x", "user", "users.x", "system.x", "os2.x", "btrfs.x", "system.posix_acl"):
        fails(EOPNOTSUPP, os.setxattr, "f", name, b"v")
        fails(EOPNOTSUPP, os.getxattr, "f", name)
        fails(EOPNOTSUPP, os.removexattr, "f", name)
    for name in ("user.", "trusted.", "security."):
        fails(EINVAL, os.setxattr, "f", name, b"v")
        fails(EINVAL, os.getxattr, "f", name)


@case("a name has at most 255 bytes")
def _():
    put("f")
    longest = "user." + "x" * 250
    os.setxattr("f", longest, b"v")
    equal(os.getxattr("f", longest), b"v")
    fails(ERANGE, os.setxattr, "f", longest + "x", b"v")
    fails(ERANGE, os.getxattr, "f", longest + "x")
    fails(ERANGE, os.setxattr, "f", "", b"v")


@case("a name may contain any bytes")
def _():
    put("f")
    name = b"user." + bytes(range(1, 251))
    os.setxattr("f", name, b"v")
    equal(os.getxattr("f", name), b"v")
    equal([os.fsencode(name) for name in os.listxattr("f")], [name])


# --- values ---

@case("a value has at most 64 KiB")
def _():
    put("f")
    value = os.urandom(65536)
    os.setxattr("f", "user.big", value)
    equal(os.getxattr("f", "user.big"), value)
    fails(E2BIG, os.setxattr, "f", "user.bigger", value + b"x")
    equal(listed("f"), ["user.big"])


@case("a value may be empty")
def _():
    put("f")
    os.setxattr("f", "user.empty", b"")
    equal(os.getxattr("f", "user.empty"), b"")
    equal(size_of("f", "user.empty"), 0)
    equal(listed("f"), ["user.empty"])


@case("an empty buffer returns the size, and one that is too small fails with ERANGE")
def _():
    put("f")
    os.setxattr("f", "user.a", b"12345")
    os.setxattr("f", "user.bc", b"")
    equal(size_of("f", "user.a"), 5)
    equal(call("listxattr", "f", b"", 0), len("user.a\0user.bc\0"))
    fails(ERANGE, call, "getxattr", "f", "user.a", bytes(4), 4)
    fails(ERANGE, call, "listxattr", "f", bytes(14), 14)
    equal(call("getxattr", "f", "user.a", bytes(5), 5), 5)


@case("XATTR_CREATE fails for an existing attribute, XATTR_REPLACE for a missing one")
def _():
    put("f")
    fails(ENODATA, os.setxattr, "f", "user.a", b"1", os.XATTR_REPLACE)
    os.setxattr("f", "user.a", b"1", os.XATTR_CREATE)
    fails(EEXIST, os.setxattr, "f", "user.a", b"2", os.XATTR_CREATE)
    equal(os.getxattr("f", "user.a"), b"1")
    os.setxattr("f", "user.a", b"2", os.XATTR_REPLACE)
    equal(os.getxattr("f", "user.a"), b"2")
    fails(EINVAL, os.setxattr, "f", "user.a", b"3", 4)


@case("a file may have hundreds of attributes")
def _():
    put("f")
    names = sorted(f"user.n{n:03}" for n in range(150))
    try:
        for name in names:
            os.setxattr("f", name, name.encode())
    except OSError as problem:
        equal(problem.errno, ENOSPC)
        names = names[:names.index(name)]
        true(len(names) > 100, f"only {len(names)} fit")
    equal(listed("f"), names)
    for name in names:
        equal(os.getxattr("f", name), name.encode())


# --- kinds of files ---

@case("directories have attributes, and every kind of file has trusted ones")
def _():
    os.mkdir("d")
    os.mkfifo("p")
    os.symlink("nowhere", "l")
    os.setxattr("d", "user.a", b"1")
    equal(os.getxattr("d", "user.a"), b"1")
    for path in ("d", "p", "l"):
        os.setxattr(path, "trusted.a", b"1", follow_symlinks=False)
        equal(os.getxattr(path, "trusted.a", follow_symlinks=False), b"1")
        true("trusted.a" in os.listxattr(path, follow_symlinks=False), f"{path} does not list it")


@case("only files and directories have user attributes")
def _():
    os.mkfifo("p")
    os.symlink("nowhere", "l")
    for path in ("p", "l"):
        fails(EPERM, os.setxattr, path, "user.a", b"1", follow_symlinks=False)
        fails(ENODATA, os.getxattr, path, "user.a", follow_symlinks=False)


@case("hard links share attributes, and a rename keeps them")
def _():
    put("a")
    os.setxattr("a", "user.n", b"v")
    os.link("a", "b")
    os.rename("a", "c")
    equal(os.getxattr("b", "user.n"), b"v")
    os.setxattr("b", "user.n", b"w")
    equal(os.getxattr("c", "user.n"), b"w")


@case("an unlinked open file has attributes")
def _():
    put("f")
    fd = os.open("f", os.O_RDWR)
    os.unlink("f")
    os.setxattr(fd, "user.n", b"v")
    equal(os.getxattr(fd, "user.n"), b"v")
    equal(os.listxattr(fd), ["user.n"])


# --- permission ---

@case("permissions of the file decide about its user attributes")
def _():
    put("f", mode=0o644)
    os.setxattr("f", "user.a", b"1")
    equal(by(ALICE, os.getxattr, "f", "user.a"), b"1")
    fails(EACCES, by, ALICE, os.setxattr, "f", "user.a", b"2")
    fails(EACCES, by, ALICE, os.removexattr, "f", "user.a")
    os.chmod("f", 0o600)
    fails(EACCES, by, ALICE, os.getxattr, "f", "user.a")
    equal(by(ALICE, os.listxattr, "f"), ["user.a"])


@case("only root sees trusted attributes")
def _():
    put("f", mode=0o666)
    os.setxattr("f", "trusted.a", b"1")
    os.setxattr("f", "user.a", b"1")
    fails(ENODATA, by, ALICE, os.getxattr, "f", "trusted.a")
    fails(EPERM, by, ALICE, os.setxattr, "f", "trusted.a", b"2")
    fails(EPERM, by, ALICE, os.removexattr, "f", "trusted.a")
    equal(by(ALICE, os.listxattr, "f"), ["user.a"])
    equal(listed("f"), ["trusted.a", "user.a"])


@case("root sets security attributes, and everybody reads them")
def _():
    put("f", mode=0o666)
    os.setxattr("f", "security.a", b"1")
    equal(by(ALICE, os.getxattr, "f", "security.a"), b"1")
    fails(EPERM, by, ALICE, os.setxattr, "f", "security.a", b"2")


@case("in a sticky directory only its owner sets user attributes on it")
def _():
    os.mkdir("d")
    os.chmod("d", 0o1777)
    fails(EPERM, by, ALICE, os.setxattr, "d", "user.a", b"1")
    os.chown("d", ALICE.uid, ALICE.gid)
    by(ALICE, os.setxattr, "d", "user.a", b"1")


@case("setting and removing an attribute update the ctime, not the mtime")
def _():
    put("f")
    before = os.stat("f")
    while (then := os.stat("f").st_ctime_ns) == before.st_ctime_ns:
        os.setxattr("f", "user.a", b"1")
    while os.stat("f").st_ctime_ns == then:
        os.setxattr("f", "user.a", b"1")
        os.removexattr("f", "user.a")
    equal(os.stat("f").st_mtime_ns, before.st_mtime_ns)


# --- file capabilities ---

def with_capability():
    put("f", b"text", 0o777)
    os.chmod("f", 0o777)
    os.setxattr("f", CAPABILITY, NET_BIND)
    equal(os.getxattr("f", CAPABILITY), NET_BIND)
    return "f"


def is_dropped(path):
    fails(ENODATA, os.getxattr, path, CAPABILITY)
    equal(os.listxattr(path), [])


@case("setcap and getcap agree")
def _():
    put("f", b"text", 0o755)
    environment = dict(os.environ, PATH="/usr/sbin:/sbin:/usr/bin:/bin")
    subprocess.run(["setcap", "cap_net_bind_service=ep", "f"], check=True, env=environment)
    shown = subprocess.run(["getcap", "f"], check=True, capture_output=True, text=True,
                           env=environment).stdout
    equal(shown.strip(), "f cap_net_bind_service=ep")


@case("a program runs with its capabilities")
def _():
    with open("/bin/grep", "rb") as program:
        put("grep", program.read(), 0o755)
    os.setxattr("grep", CAPABILITY, NET_BIND)
    shown = by(ALICE, subprocess.check_output, ["./grep", "CapEff", "/proc/self/status"])
    equal(int(shown.split()[1], 16), 1 << 10, "the capability set")


@case("capabilities set right after a write are kept")
def _():
    put("f", b"x" * 100000, 0o755)
    os.setxattr("f", CAPABILITY, NET_BIND)
    fd = os.open("f", os.O_RDONLY)
    os.fsync(fd)
    equal(os.getxattr("f", CAPABILITY), NET_BIND)


@case("a write removes capabilities, even by root")
def _():
    path = with_capability()
    put(path, b"other")
    is_dropped(path)

    path = with_capability()
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, b"x")
    is_dropped(path)
    os.fsync(fd)
    is_dropped(path)


@case("root's write removes capabilities and keeps setuid")
def _():
    for how in (os.O_WRONLY, os.O_WRONLY | os.O_TRUNC, os.O_WRONLY | os.O_DSYNC):
        path = with_capability()
        os.chmod(path, 0o4755)
        os.setxattr(path, CAPABILITY, NET_BIND)
        os.write(os.open(path, how), b"x")
        is_dropped(path)
        equal(oct(os.stat(path).st_mode & 0o7777), oct(0o4755))


@case("root's writes keep setuid while others' writes remove capabilities")
def _():
    def writer(path):
        put(path, b"text", 0o755)
        os.chmod(path, 0o4755)
        fd = os.open(path, os.O_WRONLY)
        for _ in range(200):
            os.setxattr(path, CAPABILITY, NET_BIND)
            os.write(fd, b"x")
            equal(oct(os.fstat(fd).st_mode & 0o7777), oct(0o4755))
        fails(ENODATA, os.getxattr, path, CAPABILITY)
    for running in [start(writer, name) for name in "abcdef"]:
        running.result()


@case("writing to an append-only file with capabilities removes them")
def _():
    path = with_capability()
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    subprocess.run(["chattr", "+a", path], check=True)
    try:
        os.write(fd, b"more")
    finally:
        subprocess.run(["chattr", "-a", path], check=True)
    is_dropped(path)


@case("a write by another user removes capabilities")
def _():
    path = with_capability()
    by(ALICE, lambda: os.write(os.open(path, os.O_WRONLY | os.O_APPEND), b"x"))
    is_dropped(path)


@case("truncate removes capabilities")
def _():
    path = with_capability()
    os.truncate(path, 2)
    is_dropped(path)


@case("chown removes capabilities; chmod and rename keep them")
def _():
    path = with_capability()
    os.chmod(path, 0o755)
    os.rename(path, "g")
    equal(os.getxattr("g", CAPABILITY), NET_BIND)
    os.chown("g", ALICE.uid, -1)
    is_dropped("g")


# --- several processes, and programs ---

@case("of many concurrent XATTR_CREATE of one attribute one succeeds")
def _():
    put("f")

    def attempt(number):
        try:
            os.setxattr("f", "user.x", b"%d" % number, os.XATTR_CREATE)
            return 1
        except FileExistsError:
            return 0
    racing = [start(attempt, n) for n in range(8)]
    equal(sum(one.result() for one in racing), 1, "the number of winners")


@case("an attribute that another process sets or removes is visible at once")
def _():
    put("f")
    for n in range(20):
        fails(ENODATA, os.getxattr, "f", "user.x")
        equal(listed("f"), [])
        elsewhere(os.setxattr, "f", "user.x", b"%d" % n)
        equal(os.getxattr("f", "user.x"), b"%d" % n)
        equal(listed("f"), ["user.x"])
        elsewhere(os.removexattr, "f", "user.x")


@case("replacing a value by a longer or shorter one keeps its neighbours")
def _():
    put("f")
    for size in (10, 1000, 5, 3000, 0, 700):
        os.setxattr("f", "user.x", pattern(size, size))
        os.setxattr("f", "user.y", b"other")
        equal(os.getxattr("f", "user.x"), pattern(size, size))
        equal(os.getxattr("f", "user.y"), b"other")


@case("cp -a copies attributes, and a new file with an old name has none")
def _():
    put("f", b"text")
    os.setxattr("f", "user.x", pattern(500))
    subprocess.run(["cp", "-a", "f", "g"], check=True)
    equal(os.getxattr("g", "user.x"), pattern(500))
    os.unlink("f")
    put("f")
    equal(listed("f"), [])


main()
