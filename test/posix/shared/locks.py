"""Locks of files: fcntl (POSIX) and OFD locks, and processes that hold or wait for one."""
import fcntl
import os
import time

from shared.cases import equal, opened, until
from shared.linux import (F_OFD_SETLK, F_OFD_SETLKW, flock_fields, flock_struct, lock_calls)
from shared.people import elsewhere, start

R, W, U = fcntl.F_RDLCK, fcntl.F_WRLCK, fcntl.F_UNLCK


def lock(fd, kind, begin=0, size=0, wait=False, whence=os.SEEK_SET):
    fcntl.fcntl(fd, fcntl.F_SETLKW if wait else fcntl.F_SETLK,
                flock_struct(kind, begin, size, whence))


def ofd(fd, kind, begin=0, size=0, wait=False):
    fcntl.fcntl(fd, F_OFD_SETLKW if wait else F_OFD_SETLK, flock_struct(kind, begin, size))


def conflicting(fd, kind, begin=0, size=0, command=fcntl.F_GETLK):
    """Returns (kind, start, size, pid) of a lock that conflicts with this one, or None."""
    found = flock_fields(fcntl.fcntl(fd, command, flock_struct(kind, begin, size)))
    return None if found[0] == U else (found[0], *found[2:])


def others_see(kind=W, begin=0, size=0):
    """Returns the lock on "a" that conflicts with one of another process, without its pid."""
    found = elsewhere(lambda: conflicting(opened(), kind, begin, size))
    return found and found[:3]


def holder(function, *args):
    """Starts a process that calls the function, then keeps what it locked until it is killed."""
    said, say = os.pipe()

    def hold():
        os.close(said)
        function(*args)
        os.write(say, b"!")
        os.close(say)
        time.sleep(1000)
    running = start(hold)
    os.close(say)
    equal(os.read(said, 1), b"!", "what the other process says when it has the lock")
    os.close(said)
    return running


def until_waiting(process):
    """Returns when the process waits for a lock."""
    def waits():
        with open(f"/proc/{process.pid}/syscall", encoding="ascii") as file:
            return file.read().split()[0] in lock_calls()
    until(waits, "the process does not wait for a lock")
