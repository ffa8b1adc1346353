#!/usr/bin/python3 -B
"""Locks that belong to a process, of fcntl: ranges, waiting, signals, deadlock, release."""
import fcntl
import os
from errno import EAGAIN, EBADF, EDEADLK, EINTR, EINVAL

from shared.cases import case, equal, fails, main, opened, put, true, until
from shared.linux import call, flock_struct
from shared.locks import R, U, W, conflicting, holder, lock, others_see, until_waiting
from shared.people import elsewhere, interrupting, start


@case("a write lock excludes all locks of other processes, a read lock only write locks")
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


@case("F_GETLK returns the kind, the range and the process of a conflicting lock")
def _():
    fd = opened()
    lock(fd, W, 100, 50)
    equal(elsewhere(lambda: conflicting(opened(), R, 0, 0)), (W, 100, 50, os.getpid()))
    equal(elsewhere(lambda: conflicting(opened(), R, 0, 100)), None, "before the range")
    equal(elsewhere(lambda: conflicting(opened(), R, 150, 1)), None, "after the range")
    equal(conflicting(fd, W), None, "one's own lock")


@case("ranges are locked independently, and unlocking the middle splits a lock")
def _():
    fd = opened()
    lock(fd, W, 0, 100)
    lock(fd, U, 40, 20)
    equal(others_see(W, 0, 40), (W, 0, 40))
    equal(others_see(W, 40, 20), None)
    equal(others_see(W, 60, 0), (W, 60, 40))


@case("adjacent locks of one kind merge, and a lock of another kind splits them")
def _():
    fd = opened()
    lock(fd, W, 0, 10)
    lock(fd, W, 10, 10)
    equal(others_see(), (W, 0, 20))
    lock(fd, R, 5, 5)
    equal(others_see(R), (W, 0, 5))
    equal(others_see(W, 5, 5), (R, 5, 5))
    equal(others_see(R, 10, 0), (W, 10, 10))


@case("a lock of length 0 extends beyond every later end of the file")
def _():
    fd = opened()
    lock(fd, W, 10)
    equal(others_see(W, 10**15, 1), (W, 10, 0))
    equal(others_see(W, 0, 10), None)


@case("a lock may start at the position or at the end, and have a negative length")
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


@case("a read lock needs read access and a write lock write access: EBADF")
def _():
    put("a")
    fails(EBADF, lock, os.open("a", os.O_RDONLY), W)
    fails(EBADF, lock, os.open("a", os.O_WRONLY), R)
    lock(os.open("a", os.O_RDONLY), R)
    lock(os.open("a", os.O_WRONLY), W)


@case("a lock before the start of the file or of an unknown kind fails with EINVAL")
def _():
    fd = opened()
    fails(EINVAL, lock, fd, W, -1, 1)
    fails(EINVAL, lock, fd, W, 10, -11)
    fails(EINVAL, lock, fd, 77)


@case("closing any descriptor of a file releases the process's fcntl locks on it")
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


@case("the fcntl locks of a process that dies are released")
def _():
    holding = holder(lambda: lock(opened(), W))
    equal(others_see(), (W, 0, 0))
    holding.kill()
    holding.wait()
    until(lambda: others_see() is None, "the lock of the dead process is there")


@case("a waiting fcntl lock is granted when the conflicting lock is released")
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
    holding = holder(lambda: lock(opened(), W))
    waiter = start(lambda: lock(opened(), W, wait=True))
    until_waiting(waiter)
    holding.kill()
    waiter.result(5)


@case("a signal interrupts a wait for an fcntl lock with EINTR at once")
def _():
    opened()
    holding = holder(lambda: lock(opened(), W))
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


@case("of two processes that would wait for each other one gets EDEADLK")
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


@case("a deadlock of three processes is detected")
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


@case("an upgrade waits for the other readers, and its holder keeps the read lock meanwhile")
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


@case("locks of two files are independent; two names of one file share them")
def _():
    fd = opened("a")
    lock(fd, W)
    lock(opened("b"), W)
    os.link("a", "c")
    fails(EAGAIN, elsewhere, lambda: lock(opened("c"), W))


@case("a file that is renamed or unlinked while it is open keeps its locks")
def _():
    fd = opened()
    lock(fd, W)
    os.rename("a", "b")
    fails(EAGAIN, elsewhere, lambda: lock(opened("b"), W))
    os.unlink("b")
    fails(EAGAIN, elsewhere, lambda: lock(os.open(f"/proc/{os.getppid()}/fd/{fd}", os.O_RDWR), W))


@case("a thousand separate locks of one process stay separate")
def _():
    fd = opened()
    for n in range(1000):
        lock(fd, W, 2 * n, 1)

    def free_ones():
        mine = opened()
        return sum(conflicting(mine, W, n, 1) is None for n in range(2000))
    equal(elsewhere(free_ones), 1000, "the number of free bytes")


main()
