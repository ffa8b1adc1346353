#!/usr/bin/python3 -B
"""Locks that belong to an open file: OFD locks and flock, and their relation to fcntl locks."""
import fcntl
import os
from errno import EAGAIN, EINTR, EINVAL

from shared.cases import case, equal, fails, main, opened, put, true
from shared.linux import F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, call, flock_struct
from shared.locks import R, U, W, conflicting, holder, lock, ofd, until_waiting
from shared.people import elsewhere, interrupting, start


# --- OFD ---

@case("two opens in one process have conflicting OFD locks")
def _():
    first, second = opened(), opened()
    ofd(first, W)
    fails(EAGAIN, ofd, second, W)
    fails(EAGAIN, ofd, second, R)
    equal(conflicting(second, R, command=F_OFD_GETLK), (W, 0, 0, -1))


@case("an OFD lock survives the close of another open, and ends with its own last descriptor")
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


@case("a child of fork inherits an OFD lock")
def _():
    fd = opened()
    ofd(fd, W)
    elsewhere(ofd, fd, W)
    elsewhere(ofd, fd, U)
    ofd(opened(), W)


@case("OFD and fcntl locks exclude each other")
def _():
    first, second = opened(), opened()
    ofd(first, W)
    fails(EAGAIN, lock, second, W)
    ofd(first, U)
    lock(second, W)
    fails(EAGAIN, ofd, first, W)


@case("a waiting OFD lock is granted, or a signal interrupts it with EINTR")
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


@case("an OFD lock with a pid in its request fails with EINVAL")
def _():
    fails(EINVAL, fcntl.fcntl, opened(), F_OFD_SETLK, flock_struct(W, pid=1))


# --- flock ---

@case("an exclusive flock excludes all others, a shared one only exclusive ones")
def _():
    first, second = opened(), opened()
    fcntl.flock(first, fcntl.LOCK_EX)
    fails(EAGAIN, fcntl.flock, second, fcntl.LOCK_SH | fcntl.LOCK_NB)
    fcntl.flock(first, fcntl.LOCK_SH)
    fcntl.flock(second, fcntl.LOCK_SH | fcntl.LOCK_NB)
    fails(EAGAIN, fcntl.flock, second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(first, fcntl.LOCK_UN)
    fcntl.flock(opened(), fcntl.LOCK_SH | fcntl.LOCK_NB)


@case("a dup and a child of fork share a flock, and the last close releases it")
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


@case("flock works on a read-only file and on a directory")
def _():
    put("a")
    fcntl.flock(os.open("a", os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.mkdir("d")
    held = os.open("d", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fails(EAGAIN, fcntl.flock, os.open("d", os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)


def without(fd):
    """Waits for the lock in a child of fork, which must not keep its parent's lock alive."""
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
    holding = holder(lambda: fcntl.flock(opened(), fcntl.LOCK_EX))
    waiter = start(lambda: fcntl.flock(opened(), fcntl.LOCK_EX))
    until_waiting(waiter)
    holding.kill()
    waiter.result(5)


@case("a signal interrupts a wait for a flock with EINTR at once")
def _():
    holding = opened()
    fcntl.flock(holding, fcntl.LOCK_EX)
    fd = opened()
    took = interrupting(lambda: fails(EINTR, call, "flock", fd, fcntl.LOCK_EX))
    true(took < 2, f"EINTR came {took:.1f} s after the signal")
    os.close(holding)
    fcntl.flock(opened(), fcntl.LOCK_EX | fcntl.LOCK_NB)


@case("flock and fcntl locks are independent of each other")
def _():
    first, second = opened(), opened()
    fcntl.flock(first, fcntl.LOCK_EX)
    elsewhere(lambda: lock(second, W))
    lock(second, W)


@case("flock of an unknown kind fails with EINVAL")
def _():
    fails(EINVAL, call, "flock", opened(), 64)


@case("a flock gives up its old lock while it waits for an upgrade")
def _():
    first, second, third = opened(), opened(), opened()
    for fd in (first, second):
        fcntl.flock(fd, fcntl.LOCK_SH)
    fails(EAGAIN, fcntl.flock, first, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(second, fcntl.LOCK_UN)
    fcntl.flock(third, fcntl.LOCK_EX | fcntl.LOCK_NB)


@case("a counter that four processes increase under locks loses no increment")
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
