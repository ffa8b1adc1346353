#!/usr/bin/python3 -B
"""Errors: the errno of every call under one condition."""
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
from errno import (EACCES, EBADF, EFAULT, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ENOTTY,
                   EPERM, EROFS, ETXTBSY, EXDEV)

from shared.cases import case, equal, fails, get, main, put, true
from shared.linux import RENAME_EXCHANGE, RENAME_NOREPLACE, call, renameat2, statx
from shared.people import ALICE, by, elsewhere, start

# Calls on the path of an existing file; those that need a second file use "other".
ON_PATHS = {
    "stat": os.stat, "lstat": os.lstat, "statx": statx,
    "access": lambda path: call("access", path, os.F_OK),
    "open": lambda path: os.close(os.open(path, os.O_RDONLY)),
    "open to write": lambda path: os.close(os.open(path, os.O_WRONLY)),
    "O_PATH": lambda path: os.close(os.open(path, os.O_PATH)),
    "chmod": lambda path: os.chmod(path, 0o644), "chown": lambda path: os.chown(path, 0, 0),
    "lchown": lambda path: os.lchown(path, 0, 0), "utime": os.utime,
    "truncate": lambda path: os.truncate(path, 0), "readlink": os.readlink,
    "chdir": os.chdir, "listdir": os.listdir, "statvfs": os.statvfs, "unlink": os.unlink,
    "rmdir": os.rmdir, "rename": lambda path: os.rename(path, "new"),
    "exchange": lambda path: renameat2(path, "other", RENAME_EXCHANGE),
    "link": lambda path: os.link(path, "new"),
    "getxattr": lambda path: os.getxattr(path, "user.x"),
    "setxattr": lambda path: os.setxattr(path, "user.x", b""), "listxattr": os.listxattr,
    "removexattr": lambda path: os.removexattr(path, "user.x"),
    "execute": lambda path: subprocess.run([path if "/" in path else "./" + path], check=True),
}
# Calls that create the last component of a path.
MAKING = {
    "create": lambda path: os.close(os.open(path, os.O_CREAT | os.O_WRONLY)),
    "create anew": lambda path: os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)),
    "mkdir": os.mkdir, "mkfifo": os.mkfifo, "mknod": os.mknod,
    "symlink": lambda path: os.symlink("target", path),
    "link to": lambda path: os.link("other", path),
    "rename to": lambda path: os.rename("other", path),
    "rename to a free": lambda path: renameat2("other", path, RENAME_NOREPLACE),
    "bind": lambda path: socket.socket(socket.AF_UNIX).bind(path),
}


def all_say(code, path, calls=None, without=(), but=None):
    """Checks that every call on the path fails with the code, or with that of `but`."""
    for name, function in (calls or ON_PATHS | MAKING).items():
        if name not in without:
            try:
                fails((but or {}).get(name, code), function, path)
            except Exception as problem:
                problem.args = (f"{name}: {problem}",)
                raise


@case("every call on a missing name fails with ENOENT")
def _():
    put("other")
    all_say(ENOENT, "none", ON_PATHS)
    os.symlink("none", "link")
    all_say(ENOENT, "link", ON_PATHS,
            without=("lstat", "statx", "O_PATH", "lchown", "readlink", "unlink", "rmdir", "rename",
                     "exchange", "link"))


@case("a missing parent, a dangling symlink as parent, and an empty path fail with ENOENT")
def _():
    put("other")
    os.symlink("none", "link")
    for path in ("none/x", "link/x", "none/../other"):
        all_say(ENOENT, path)
    all_say(ENOENT, "", without=("bind", "execute"))


@case("every call below a file fails with ENOTDIR")
def _():
    put("other")
    put("file")
    os.symlink("file", "link")
    for path in ("file/x", "link/x", "file/../x"):
        all_say(ENOTDIR, path)


@case("every call through a loop of symlinks fails with ELOOP")
def _():
    put("other")
    os.symlink("b", "a")
    os.symlink("a", "b")
    all_say(ELOOP, "a/x")
    all_say(ELOOP, "a", ON_PATHS,
            without=("lstat", "statx", "O_PATH", "lchown", "readlink", "unlink", "rmdir", "rename",
                     "exchange", "link"))


@case("every call with a component of 256 bytes fails with ENAMETOOLONG")
def _():
    put("other")
    all_say(ENAMETOOLONG, "n" * 256, without=("bind",))
    all_say(ENAMETOOLONG, "n" * 256 + "/x", without=("bind",))


@case("every call through a directory without x fails with EACCES, even for a missing name")
def _():
    os.chmod(".", 0o777)
    os.mkdir("d")
    put("d/a")
    put("other")
    os.chown("other", ALICE.uid, ALICE.gid)
    os.chmod("d", 0o666)
    for path in ("d/a", "d/none"):
        by(ALICE, all_say, EACCES, path)


@case("creating and removing names in a directory without w fails with EACCES")
def _():
    os.chmod(".", 0o777)
    os.mkdir("d")
    put("d/a")
    os.mkdir("d/in")
    put("other")
    os.chown("other", ALICE.uid, ALICE.gid)
    by(ALICE, all_say, EACCES, "d/new", MAKING)
    for remove in (lambda: os.unlink("d/a"), lambda: os.rmdir("d/in"),
                   lambda: os.rename("d/a", "b"), lambda: os.rename("other", "d/a")):
        fails(EACCES, by, ALICE, remove)


@case("changing somebody else's file fails with EPERM or EACCES, depending on its mode")
def _():
    put("a")
    for code, change in ((EPERM, lambda: os.chmod("a", 0o777)),
                         (EPERM, lambda: os.chown("a", ALICE.uid, -1)),
                         (EPERM, lambda: os.utime("a", (1, 1))), (EACCES, lambda: os.utime("a")),
                         (EACCES, lambda: os.truncate("a", 0)),
                         (EACCES, lambda: os.setxattr("a", "user.x", b"")),
                         (EACCES, lambda: os.open("a", os.O_RDWR)),
                         (EACCES, lambda: subprocess.run(["./a"], check=True))):
        fails(code, by, ALICE, change)


@case("every changing call on a read-only mount fails with EROFS")
def _():
    put("a", b"text")
    put("other")
    os.mkdir("d")
    os.symlink("a", "s")
    elsewhere(_on_read_only_mount)


def _on_read_only_mount():
    call("unshare", 0x20000)  # CLONE_NEWNS
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    here = os.getcwd()
    subprocess.run(["mount", "--bind", here, here], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", here], check=True)
    os.chdir(here)
    all_say(EROFS, "new", {name: call for name, call in MAKING.items()
                           if name not in ("rename to", "link to", "rename to a free")})
    changing = ("open to write", "chmod", "chown", "lchown", "utime", "truncate", "unlink",
                "rename", "link", "setxattr", "removexattr", "exchange")
    all_say(EROFS, "a", {name: ON_PATHS[name] for name in changing})
    fails(EROFS, os.rmdir, "d")
    fails(EROFS, os.open, "a", os.O_RDONLY | os.O_TRUNC)
    fails(EROFS, os.open, ".", os.O_TMPFILE | os.O_RDWR)
    equal(os.access("a", os.W_OK), False, "the right to write")
    equal((get("a"), os.readlink("s"), sorted(os.listdir("."))),
          (b"text", "a", ["a", "d", "other", "s"]))


@case("writing a running program, or running a file open for writing, fails with ETXTBSY")
def _():
    shutil.copy(os.path.realpath("/bin/sleep"), "sleep")
    running = subprocess.Popen(["./sleep", "100"])
    try:
        fails(ETXTBSY, os.open, "sleep", os.O_WRONLY)
        fails(ETXTBSY, os.truncate, "sleep", 0)
        os.unlink("sleep")
    finally:
        running.kill()
        running.wait()
    shutil.copy(os.path.realpath("/bin/true"), "true")
    fd = os.open("true", os.O_WRONLY)
    fails(ETXTBSY, subprocess.run, ["./true"], check=True)
    os.close(fd)
    subprocess.run(["./true"], check=True)


@case("a path at a bad address fails with EFAULT")
def _():
    bad = ctypes.c_void_p(1)
    for name, *args in (("open", bad, 0), ("mkdir", bad, 0o755), ("unlink", bad),
                        ("chmod", bad, 0o644), ("rename", bad, bad), ("truncate", bad, 0),
                        ("symlink", bad, b"x"), ("link", bad, b"x"), ("rmdir", bad),
                        ("chdir", bad)):
        fails(EFAULT, call, name, *args)


@case("every call on a closed descriptor fails with EBADF")
def _():
    fd = os.open("a", os.O_CREAT | os.O_RDWR)
    os.close(fd)
    for function in (os.fstat, os.fsync, os.fdatasync, lambda fd: os.read(fd, 1),
                     lambda fd: os.write(fd, b"x"), lambda fd: os.ftruncate(fd, 0),
                     lambda fd: os.lseek(fd, 0, 0), lambda fd: os.fchmod(fd, 0o644),
                     lambda fd: os.fchown(fd, 0, 0), os.listdir, os.fchdir, os.listxattr,
                     lambda fd: os.posix_fallocate(fd, 0, 10), os.fstatvfs,
                     lambda fd: os.stat("a", dir_fd=fd), os.dup):
        fails(EBADF, function, fd)


@case("every *at call with a file as its directory fails with ENOTDIR")
def _():
    put("a")
    fd = os.open("a", os.O_RDONLY)
    fails(ENOTDIR, os.fchdir, fd)
    fails(ENOTDIR, os.listdir, fd)
    fails(ENOTDIR, os.stat, "x", dir_fd=fd)
    fails(ENOTDIR, os.mkdir, "x", dir_fd=fd)
    fails(ENOTDIR, os.chdir, "a")
    fails(ENOTDIR, os.rmdir, "a")


@case("an unknown ioctl, flag or whence fails with ENOTTY or EINVAL")
def _():
    put("a")
    fd = os.open("a", os.O_RDWR)
    fails(ENOTTY, fcntl.ioctl, fd, 0x5401, bytes(64))
    fails(EINVAL, call, "unlinkat", -100, "a", 1 << 20)
    fails(EINVAL, call, "linkat", -100, "a", -100, "b", 1 << 20)
    fails(EINVAL, call, "fchownat", -100, "a", 0, 0, 1 << 20)
    fails(EINVAL, os.lseek, fd, 0, 9)


@case("link and rename to another filesystem fail with EXDEV, in both directions")
def _():
    put("a")
    device = os.stat(".").st_dev
    far = next(path for path in ("/dev/shm", "/run", "/proc") if os.stat(path).st_dev != device)
    fails(EXDEV, os.link, "a", f"{far}/posix-test-a")
    fails(EXDEV, os.rename, "a", f"{far}/posix-test-a")
    fails(EXDEV, os.rename, "/proc/version", "b")


@case("a call that fails changes nothing")
def _():
    os.chmod(".", 0o755)
    put("a", b"text")
    os.mkdir("d")
    put("d/in", b"other")
    os.setxattr("a", "user.x", b"value")
    before = [os.lstat(path) for path in (".", "a", "d", "d/in")]

    def attempts():
        for attempt in (lambda: os.mkdir("a"), lambda: os.unlink("d"), lambda: os.rmdir("d"),
                        lambda: os.rename("a", "d"), lambda: os.link("a", "d/in"),
                        lambda: os.truncate("a", -1), lambda: os.rename("d", "d/e"),
                        lambda: os.setxattr("a", "user.x", b"", os.XATTR_CREATE),
                        lambda: os.open("a", os.O_CREAT | os.O_EXCL)):
            true(_refused(attempt), "a call succeeded that must not")
    attempts()
    equal([os.lstat(path) for path in (".", "a", "d", "d/in")], before)
    equal((get("a"), get("d/in"), os.getxattr("a", "user.x")), (b"text", b"other", b"value"))
    equal(sorted(os.listdir(".")), ["a", "d"])


def _refused(attempt):
    try:
        attempt()
        return False
    except OSError:
        return True


@case("killing a process in the middle of its calls leaves a working tree")
def _():
    def churn():
        n = 0
        while True:
            n += 1
            put(f"d/{n % 50}", b"text" * (n % 5000))
            os.rename(f"d/{n % 50}", f"d/{(n + 1) % 50}")
            os.mkdir("d/dir")
            os.rmdir("d/dir")
    os.mkdir("d")
    for _ in range(10):
        if os.path.isdir("d/dir"):
            os.rmdir("d/dir")
        running = start(churn)
        before = os.stat("d").st_mtime_ns
        while os.stat("d").st_mtime_ns == before:
            pass
        true(not running.ended(0.03), "it ended by itself")
        running.kill()
        running.wait()
        for name in os.listdir("d"):
            if name != "dir":
                equal(len(get(f"d/{name}")) % 4, 0, "what is left of a write")
    shutil.rmtree("d")


@case("the signals of a timer do not shorten a write or an fsync")
def _():
    # Python repeats calls that end with EINTR; the functions of libc do not.
    def calls():
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.siginterrupt(signal.SIGALRM, True)
        fd = os.open("f", os.O_CREAT | os.O_RDWR)
        signal.setitimer(signal.ITIMER_REAL, 0.0007, 0.0007)
        libc = ctypes.CDLL(None, use_errno=True)
        block = b"x" * 10000
        cut = 0
        for _ in range(100):
            cut += libc.write(fd, block, len(block)) != len(block)
            cut += libc.fsync(fd) != 0
        signal.setitimer(signal.ITIMER_REAL, 0)
        os._exit(min(cut, 100))
    pid = os.fork()
    if pid == 0:
        calls()
    equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, "calls that were cut short")
    equal(os.path.getsize("f"), 100 * 10000, "size")


main()
