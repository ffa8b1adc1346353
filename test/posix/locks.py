#!/usr/bin/python3 -B
"""Locks: fcntl (POSIX), OFD and flock; waiting, signals, deadlock, release."""
import fcntl
import os
import time
from errno import EAGAIN, EBADF, EDEADLK, EINTR, EINVAL

from shared.cases import case, equal, fails, main, put, true, until
from shared.linux import (F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, call, flock_fields, flock_struct,
                          lock_calls)
from shared.people import elsewhere, interrupting, start

R, W, U = fcntl.F_RDLCK, fcntl.F_WRLCK, fcntl.F_UNLCK


def opened(path="a", flags=os.O_RDWR | os.O_CREAT):
    return os.open(path, flags, 0o644)


def lock(fd, kind, begin=0, size=0, wait=False, whence=os.SEEK_SET):
    fcntl.fcntl(fd, fcntl.F_SETLKW if wait else fcntl.F_SETLK,
                flock_struct(kind, begin, size, whence))


def ofd(fd, kind, begin=0, size=0, wait=False):
    fcntl.fcntl(fd, F_OFD_SETLKW if wait else F_OFD_SETLK, flock_struct(kind, begin, size))


def in_the_way(fd, kind, begin=0, size=0, command=fcntl.F_GETLK):
    """(kind, start, size, pid) of a lock that this one would meet, or None."""
    found = flock_fields(fcntl.fcntl(fd, command, flock_struct(kind, begin, size)))
    return None if found[0] == U else (found[0], *found[2:])


def others_see(kind=W, begin=0, size=0):
    """The lock on "a" that another process meets, without its pid."""
    found = elsewhere(lambda: in_the_way(opened(), kind, begin, size))
    return found and found[:3]


def other(function, *args):
    """A process that has called the function and holds on to what it got until it is killed."""
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
    def waits():
        with open(f"/proc/{process.pid}/syscall", encoding="ascii") as file:
            return file.read().split()[0] in lock_calls()
    until(waits, "the process does not wait for a lock")


# --- fcntl ---

@case("a write lock keeps out other processes, a read lock only writers")
def _():
    fd = opened()
    lock(fd, W)
    fails(EAGAIN, elsewhere, lambda: lock(opened(), R))
    fails(EAGAIN, elsewhere, lambda: lock(opened(), W))

    lock(fd, R)
    elsewhere(lambda: lock(opened(), R))
    fails(EAGAIN, elsewhere, lambda: lock(opened(), W))

    lock(fd, U)
    elsewhere(lambda: lock(opened(), W))


@case("F_GETLK tells kind, range and process of the lock in the way")
def _():
    fd = opened()
    lock(fd, W, 100, 50)
    equal(elsewhere(lambda: in_the_way(opened(), R, 0, 0)), (W, 100, 50, os.getpid()))
    equal(elsewhere(lambda: in_the_way(opened(), R, 0, 100)), None, "before the range")
    equal(elsewhere(lambda: in_the_way(opened(), R, 150, 1)), None, "after the range")
    equal(in_the_way(fd, W), None, "one's own lock")


@case("ranges are locked apart; unlocking the middle splits a lock")
def _():
    fd = opened()
    lock(fd, W, 0, 100)
    lock(fd, U, 40, 20)
    equal(others_see(W, 0, 40), (W, 0, 40))
    equal(others_see(W, 40, 20), None)
    equal(others_see(W, 60, 0), (W, 60, 40))


@case("neighbouring locks of one kind become one, another kind cuts its part out")
def _():
    fd = opened()
    lock(fd, W, 0, 10)
    lock(fd, W, 10, 10)
    equal(others_see(), (W, 0, 20))
    lock(fd, R, 5, 5)
    equal(others_see(R), (W, 0, 5))
    equal(others_see(W, 5, 5), (R, 5, 5))
    equal(others_see(R, 10, 0), (W, 10, 10))


@case("a lock of length 0 reaches past every later end of the file")
def _():
    fd = opened()
    lock(fd, W, 10)
    equal(others_see(W, 10**15, 1), (W, 10, 0))
    equal(others_see(W, 0, 10), None)


@case("a lock may start from the position, from the end, and reach backwards")
def _():
    put("a", bytes(1000))
    fd = opened()
    os.lseek(fd, 300, os.SEEK_SET)
    lock(fd, W, 10, 10, whence=os.SEEK_CUR)
    equal(others_see(), (W, 310, 10))
    lock(fd, U)
    lock(fd, W, -100, 50, whence=os.SEEK_END)
    equal(others_see(), (W, 900, 50))
    lock(fd, U)
    lock(fd, W, 200, -50)
    equal(others_see(), (W, 150, 50))


@case("a read lock needs an open for reading, a write lock one for writing: EBADF")
def _():
    put("a")
    fails(EBADF, lock, os.open("a", os.O_RDONLY), W)
    fails(EBADF, lock, os.open("a", os.O_WRONLY), R)
    lock(os.open("a", os.O_RDONLY), R)
    lock(os.open("a", os.O_WRONLY), W)


@case("a lock before the start of the file or of no kind is EINVAL")
def _():
    fd = opened()
    fails(EINVAL, lock, fd, W, -1, 1)
    fails(EINVAL, lock, fd, W, 10, -11)
    fails(EINVAL, lock, fd, 77)


@case("closing any descriptor of the file drops the process's fcntl locks on it")
def _():
    fd = opened()
    lock(fd, W)
    os.close(os.open("a", os.O_RDONLY))
    equal(others_see(), None)


@case("a dup shares the fcntl lock; a child of fork does not inherit it")
def _():
    fd = opened()
    lock(fd, W)
    lock(os.dup(fd), W)
    fails(EAGAIN, elsewhere, lock, fd, W)


@case("fcntl locks of a process that dies are released")
def _():
    holding = other(lambda: lock(opened(), W))
    equal(others_see(), (W, 0, 0))
    holding.kill()
    holding.wait()
    until(lambda: others_see() is None, "the lock of the dead process is there")


@case("a waiting fcntl lock is granted when the lock in the way goes")
def _():
    fd = opened()
    lock(fd, W)
    waiter = start(lambda: lock(opened(), W, wait=True))
    until_waiting(waiter)
    true(not waiter.ended(0.05), "it was granted beside another's lock")
    lock(fd, U)
    waiter.result(5)


@case("a waiting fcntl lock is granted when its holder is killed")
def _():
    holding = other(lambda: lock(opened(), W))
    waiter = start(lambda: lock(opened(), W, wait=True))
    until_waiting(waiter)
    holding.kill()
    waiter.result(5)


@case("a signal ends the wait for an fcntl lock with EINTR at once")
def _():
    opened()
    holding = other(lambda: lock(opened(), W))
    fd = opened()
    took = interrupting(lambda: fails(EINTR, call, "fcntl", fd, fcntl.F_SETLKW, flock_struct(W)))
    true(took < 2, f"EINTR came {took:.1f} s after the signal")
    equal(others_see(), (W, 0, 0), "the lock of the holder")
    holding.kill()
    until(lambda: others_see() is None, "a lock is left by a wait that was interrupted")


@case("a process that is killed while it waits for a lock gets none")
def _():
    fd = opened()
    lock(fd, W)
    waiter = start(lambda: lock(opened(), W, wait=True))
    until_waiting(waiter)
    waiter.kill()
    waiter.wait()
    lock(fd, U)
    equal(others_see(), None)


@case("two processes that would wait for one another: one gets EDEADLK")
def _():
    fd = opened()
    lock(fd, W, 0, 1)

    def reach(first):
        mine = opened()
        lock(mine, W, 1, 1)
        os.write(first, b"!")
        lock(mine, W, 0, 1, wait=True)

    said, say = os.pipe()
    waiter = start(reach, say)
    os.read(said, 1)
    until_waiting(waiter)
    fails(EDEADLK, lock, fd, W, 1, 1, wait=True)
    lock(fd, U)
    waiter.result(5)


@case("a deadlock over three processes is found, too")
def _():
    fd = opened()
    lock(fd, W, 0, 1)

    def reach(mine, wanted, say):
        held = opened()
        lock(held, W, mine, 1)
        os.write(say, b"!")
        lock(held, W, wanted, 1, wait=True)

    said, say = os.pipe()
    second = start(reach, 1, 0, say)
    os.read(said, 1)
    third = start(reach, 2, 1, say)
    os.read(said, 1)
    until_waiting(second)
    until_waiting(third)
    fails(EDEADLK, lock, fd, W, 2, 1, wait=True)
    lock(fd, U)
    second.result(5)
    third.result(5)


@case("an upgrade waits for the other readers, and takes nothing meanwhile from its holder")
def _():
    fd = opened()
    lock(fd, R)
    mine = start(lambda: upgrade(opened()))
    until_waiting(mine)
    equal(others_see(), (R, 0, 0), "what others meet")
    fails(EDEADLK, lock, fd, W, wait=True)
    lock(fd, U)
    mine.result(5)


def upgrade(fd):
    lock(fd, R)
    lock(fd, W, wait=True)


@case("two files' locks know nothing of one another, two names of one file share them")
def _():
    fd = opened("a")
    lock(fd, W)
    lock(opened("b"), W)
    os.link("a", "c")
    fails(EAGAIN, elsewhere, lambda: lock(opened("c"), W))


@case("locks stay with a file that is renamed or unlinked while it is open")
def _():
    fd = opened()
    lock(fd, W)
    os.rename("a", "b")
    fails(EAGAIN, elsewhere, lambda: lock(opened("b"), W))
    os.unlink("b")
    fails(EAGAIN, elsewhere, lambda: lock(os.open(f"/proc/{os.getppid()}/fd/{fd}", os.O_RDWR), W))


@case("a thousand locks of one process are kept apart")
def _():
    fd = opened()
    for n in range(1000):
        lock(fd, W, 2 * n, 1)

    def free_ones():
        mine = opened()
        return sum(in_the_way(mine, W, n, 1) is None for n in range(2000))
    equal(elsewhere(free_ones), 1000, "the number of free bytes")


# --- OFD ---

@case("OFD locks belong to the open file: two opens in one process meet")
def _():
    first, second = opened(), opened()
    ofd(first, W)
    fails(EAGAIN, ofd, second, W)
    fails(EAGAIN, ofd, second, R)
    equal(in_the_way(second, R, command=F_OFD_GETLK), (W, 0, 0, -1))


@case("an OFD lock survives the close of another descriptor, and goes with the last of its own")
def _():
    first = opened()
    ofd(first, W)
    os.close(opened())
    fails(EAGAIN, ofd, opened(), W)
    copy = os.dup(first)
    os.close(first)
    fails(EAGAIN, ofd, opened(), W)
    os.close(copy)
    ofd(opened(), W)


@case("an OFD lock is inherited over fork")
def _():
    fd = opened()
    ofd(fd, W)
    elsewhere(ofd, fd, W)
    elsewhere(ofd, fd, U)
    ofd(opened(), W)


@case("OFD and fcntl locks keep one another out")
def _():
    first, second = opened(), opened()
    ofd(first, W)
    fails(EAGAIN, lock, second, W)
    ofd(first, U)
    lock(second, W)
    fails(EAGAIN, ofd, first, W)


@case("a waiting OFD lock is granted, or ended by a signal with EINTR")
def _():
    fd = opened()
    ofd(fd, W)
    mine = opened()
    took = interrupting(lambda: fails(EINTR, call, "fcntl", mine, F_OFD_SETLKW, flock_struct(W)))
    true(took < 2, f"EINTR came {took:.1f} s after the signal")
    waiter = start(ofd, mine, W, 0, 0, True)
    until_waiting(waiter)
    ofd(fd, U)
    waiter.result(5)


@case("an OFD lock with a pid in its request is EINVAL")
def _():
    fails(EINVAL, fcntl.fcntl, opened(), F_OFD_SETLK, flock_struct(W, pid=1))


# --- flock ---

@case("flock: exclusive keeps out all, shared only exclusive; EWOULDBLOCK with LOCK_NB")
def _():
    first, second = opened(), opened()
    fcntl.flock(first, fcntl.LOCK_EX)
    fails(EAGAIN, fcntl.flock, second, fcntl.LOCK_SH | fcntl.LOCK_NB)
    fcntl.flock(first, fcntl.LOCK_SH)
    fcntl.flock(second, fcntl.LOCK_SH | fcntl.LOCK_NB)
    fails(EAGAIN, fcntl.flock, second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(first, fcntl.LOCK_UN)
    fcntl.flock(opened(), fcntl.LOCK_SH | fcntl.LOCK_NB)


@case("flock belongs to the open file: a dup and a child of fork share it, the last close drops it")
def _():
    first = opened()
    fcntl.flock(first, fcntl.LOCK_EX)
    copy = os.dup(first)
    fcntl.flock(copy, fcntl.LOCK_EX | fcntl.LOCK_NB)
    elsewhere(fcntl.flock, first, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(first)
    fails(EAGAIN, fcntl.flock, opened(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(copy)
    fcntl.flock(opened(), fcntl.LOCK_EX | fcntl.LOCK_NB)


@case("flock works on a read-only open and on a directory")
def _():
    put("a")
    fcntl.flock(os.open("a", os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.mkdir("d")
    held = os.open("d", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fails(EAGAIN, fcntl.flock, os.open("d", os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)


def without(fd):
    """Waits in a child of fork, which must not keep its parent's lock alive."""
    os.close(fd)
    fcntl.flock(opened(), fcntl.LOCK_EX)


@case("a waiting flock is granted when the holder unlocks, closes or dies")
def _():
    for let_go in (lambda fd: fcntl.flock(fd, fcntl.LOCK_UN), os.close):
        fd = opened()
        fcntl.flock(fd, fcntl.LOCK_EX)
        waiter = start(without, fd)
        until_waiting(waiter)
        let_go(fd)
        waiter.result(5)
    holding = other(lambda: fcntl.flock(opened(), fcntl.LOCK_EX))
    waiter = start(lambda: fcntl.flock(opened(), fcntl.LOCK_EX))
    until_waiting(waiter)
    holding.kill()
    waiter.result(5)


@case("a signal ends the wait for a flock with EINTR at once")
def _():
    holding = opened()
    fcntl.flock(holding, fcntl.LOCK_EX)
    fd = opened()
    took = interrupting(lambda: fails(EINTR, call, "flock", fd, fcntl.LOCK_EX))
    true(took < 2, f"EINTR came {took:.1f} s after the signal")
    os.close(holding)
    fcntl.flock(opened(), fcntl.LOCK_EX | fcntl.LOCK_NB)


@case("flock and fcntl locks do not see one another")
def _():
    first, second = opened(), opened()
    fcntl.flock(first, fcntl.LOCK_EX)
    elsewhere(lambda: lock(second, W))
    lock(second, W)


@case("flock of no kind is EINVAL")
def _():
    fails(EINVAL, call, "flock", opened(), 64)


@case("an upgrade of a flock gives the old lock up while it waits")
def _():
    first, second, third = opened(), opened(), opened()
    for fd in (first, second):
        fcntl.flock(fd, fcntl.LOCK_SH)
    fails(EAGAIN, fcntl.flock, first, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(second, fcntl.LOCK_UN)
    fcntl.flock(third, fcntl.LOCK_EX | fcntl.LOCK_NB)


@case("counting under a lock by four processes loses nothing")
def _():
    put("a", b"0")

    def count():
        for n in range(100):
            fd = os.open("a", os.O_RDWR)
            if n % 2:
                lock(fd, W, wait=True)
            else:
                ofd(fd, W, wait=True)
            number = int(os.pread(fd, 20, 0))
            os.pwrite(fd, b"%d" % (number + 1), 0)
            os.close(fd)
    for one in [start(count) for _ in range(4)]:
        one.result()
    equal(int(open("a", encoding="ascii").read()), 400, "the count")


main()
