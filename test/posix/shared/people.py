"""Other processes, and other users in them. The users have numbers only, no accounts."""
import os
import pickle
import select
import signal
import time
import traceback
from typing import NamedTuple

from shared.cases import Wrong


class Person(NamedTuple):
    uid: int
    gid: int
    groups: tuple = ()  # the supplementary ones

    def of(self, *groups):
        """Returns the same person as a member of these groups, too."""
        return self._replace(groups=groups)


ROOT = Person(0, 0)
ALICE = Person(64001, 64001)
BOB = Person(64002, 64002)
STAFF = 64100  # a group


class Running:
    """A function that runs in a process of its own."""

    def __init__(self, who, function, args):
        self._said, say = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._said)
            self._child(say, who, function, args)
        os.close(say)
        self._handle = os.pidfd_open(self.pid)

    @staticmethod
    def _child(say, who, function, args):
        try:
            if who:
                become(who)
            answer = (True, function(*args))
        except BaseException as problem:
            if not isinstance(problem, (OSError, Wrong)):
                traceback.print_exception(problem)
            answer = (False, problem)
        try:
            data = memoryview(pickle.dumps(answer))
            while data:
                data = data[os.write(say, data):]
        finally:
            os._exit(0)

    def ended(self, seconds=0):
        """Whether it ends within this time; it may be waiting for its answer to be read."""
        return bool(select.select([self._handle, self._said], [], [], seconds)[0])

    def result(self, seconds=50):
        """Returns what the function returned, or raises what it raised."""
        pieces = []
        while True:
            if not select.select([self._said], [], [], seconds)[0]:
                raise Wrong(f"process {self.pid} still waits after {seconds} s")
            piece = os.read(self._said, 1 << 20)
            if not piece:
                break
            pieces.append(piece)
        status = os.waitpid(self.pid, 0)[1]
        if not pieces:
            raise Wrong(f"process {self.pid} ended with wait status {status}")
        good, answer = pickle.loads(b"".join(pieces))
        if good:
            return answer
        raise answer

    def kill(self, number=signal.SIGKILL):
        os.kill(self.pid, number)

    def wait(self):
        """Waits until it is dead, whatever its answer; returns the wait status."""
        return os.waitpid(self.pid, 0)[1]


def become(who):
    os.setgroups(who.groups)
    os.setresgid(who.gid, who.gid, who.gid)
    os.setresuid(who.uid, who.uid, who.uid)


def start(function, *args, who=None):
    return Running(who, function, args)


def by(who, function, *args):
    """Returns the result of the function, called as this person."""
    return start(function, *args, who=who).result()


def elsewhere(function, *args):
    """Returns the result of the function, called in another process."""
    return start(function, *args).result()


def interrupting(function):
    """Calls a function that waits, with a signal every 0.2 s; returns the seconds from the first
    signal to the end. Python repeats calls after EINTR, so the function calls libc."""
    came = []
    signal.signal(signal.SIGALRM, lambda *_: came.append(time.monotonic()))
    signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)
    try:
        function()
        ended = time.monotonic()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return ended - came[0] if came else 0.0
