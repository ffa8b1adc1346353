"""A side: a process that runs sequences of operations in a folder, by workers of several users.

A sequence is a list of (worker, what to inspect afterwards, name, arguments...). Its operations run
one after the other, in whichever worker, so that both sides do the same. An answer is (errno or 0,
value, looks). A sentence instead of the errno reports a worker that died, or a mistake in a test
program. Messages between the processes are marshalled.
"""
import itertools
import marshal
import mmap
import os
import select
import signal
import stat
import subprocess
import sys
import time

import kernel
from lies import LIES
from looks import PARENT, Looker, tree
from operations import TABLE, Hands

# The user and the groups of each worker; the first group is the primary one.
PEOPLE = ((0, (0,)), (0, (0,)), (1001, (1001, 2000)), (1002, (1002, 2000, 2001)), (1001, (1001,)))
UNKNOWN = "unknown, because of what came after it"
PATIENCE = 120  # seconds; a batch that takes longer hangs


_kept = set()  # pipe ends that children must close, so that they do not keep pipes open


class Pipe:
    """One end of a conversation."""

    def __init__(self, reads, writes):
        self.reads, self.writes = reads, writes

    def close(self):
        for fd in (self.reads, self.writes):
            os.close(fd)
            _kept.discard(fd)

    def say(self, message):
        data = marshal.dumps(message)
        data = memoryview(len(data).to_bytes(4, "little") + data)
        while data:
            data = data[os.write(self.writes, data):]

    def hear(self, seconds=None):
        """Raises EOFError if the other end is closed, and TimeoutError after `seconds`."""
        if seconds and not select.select([self.reads], [], [], seconds)[0]:
            raise TimeoutError
        size = int.from_bytes(self._exactly(4), "little")
        return marshal.loads(self._exactly(size))

    def serve(self, server):
        """Answers each message, (method, argument...), until the other end is closed."""
        try:
            while True:
                name, *arguments = self.hear()
                self.say(getattr(server, name)(*arguments))
        except EOFError:
            pass

    def _exactly(self, size):
        parts = []
        while size:
            part = os.read(self.reads, size)
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def start(main, *arguments):
    """Starts a process that runs main(pipe, ...); returns (its pid, our end)."""
    (there, out), (back, answer) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid:
        os.close(there)
        os.close(answer)
        _kept.update((out, back))
        return pid, Pipe(back, out)
    status = 1
    try:
        for fd in (out, back, *_kept):
            os.close(fd)
        _kept.clear()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        main(Pipe(there, answer), *arguments)
        status = 0
    except BaseException:  # a forked process must not return into the code of its parent
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


class Worker:
    """The process that runs the operations of one user."""

    def __init__(self, pipe, number, progress, birth, lie):
        self.pipe, self.progress = pipe, progress
        self.user, self.groups = PEOPLE[number]
        self.hands, self.looker = Hands(), Looker(birth)
        self.machine = os.open("/", os.O_PATH)
        self.table = TABLE | LIES.get(lie, {})
        os.setgroups(self.groups)
        os.setresgid(self.groups[0], self.groups[0], self.groups[0])
        os.setresuid(self.user, self.user, 0)
        pipe.serve(self)

    def settle(self, folder):
        """Closes everything and makes `folder` the root, so that no link leads out of it."""
        self.hands.let_go()
        os.umask(0o022)
        os.seteuid(0)
        os.fchdir(self.machine)
        os.chroot(".")
        os.chroot(folder)
        os.chdir("/")
        os.seteuid(self.user)

    def play(self, operations):
        answers = []
        for number, (_, what, name, *arguments) in enumerate(operations):
            self.progress[0:4] = number.to_bytes(4, "little")
            error, value = 0, None
            function, touches = self.table[name]
            try:
                value = function(self.hands, *arguments)
            except OSError as problem:
                error = problem.errno
            except (ValueError, OverflowError, TypeError) as problem:
                error = f"{type(problem).__name__}: {problem}"
            looks = self._looks(touches, arguments, what) if what else ()
            answers.append((error, value, looks))
        return answers

    def tree(self):
        os.seteuid(0)
        found = tree(self.looker)
        os.seteuid(self.user)
        return found

    def _looks(self, touches, arguments, what):
        os.seteuid(0)
        looks = []
        for kind, value in zip(touches, arguments):
            try:
                if kind == "s":
                    looks.append(self.looker.handle(self.hands.fd(value), what))
                elif kind == "m" and value in self.hands.maps:
                    looks.append(self.looker.handle(self.hands.maps[value][1][2], what))
                elif kind == "p":
                    path, folder = self.hands.at(value)
                    looks.append(self.looker.path(path, folder, what))
                    if what & PARENT:
                        above = os.path.dirname(path.rstrip(b"/")) or b"."
                        looks.append(self.looker.path(above, folder, what))
            except OSError as problem:
                looks.append(problem.errno)
        os.seteuid(self.user)
        return looks


class Side:
    """The process of a side. `commands` are that which remounts it while no file is open, and that
    which replaces the process of the mount while files are open; either may be None."""

    def __init__(self, pipe, top, commands, birth, lie):
        self.top, self.current = os.fsencode(top), None
        self.remount_command, self.restart_command = commands
        self.workers = []
        for number in range(len(PEOPLE)):
            progress = mmap.mmap(-1, 4096)
            self.workers.append((*start(Worker, number, progress, birth, lie), progress))
        pipe.serve(self)

    def fresh(self, name):
        """Starts again in an empty folder of this name."""
        self.current = os.path.join(self.top, os.fsencode(name))
        os.mkdir(self.current)
        return self._all("settle", self.current)

    def wipe(self, name):
        self._all("settle", b"/")
        remove(os.path.join(self.top, os.fsencode(name)))

    def play(self, operations):
        answers = []
        for worker, run in itertools.groupby(operations, lambda operation: operation[0]):
            run = list(run)
            if worker < 0:
                answers += [getattr(self, name)(*rest) for _, _, name, *rest in run]
                continue
            heard = self._ask(worker, "play", run)
            if isinstance(heard, str):
                done = int.from_bytes(self.workers[worker][2][0:4], "little")
                return answers + [(0, UNKNOWN, ())] * done + [(heard, None, ())]
            answers += heard
        return answers

    # --- operations on the whole side ---

    def tree(self):
        return 0, None, self._ask(0, "tree")

    def remount(self):
        """Closes everything and remounts the filesystem, if there is a command for that."""
        self._all("settle", b"/")
        failed = run(self.remount_command)
        for _ in range(5):
            if not failed or "in use" not in failed:
                break
            time.sleep(1)  # another program, such as df, may be using it at the moment
            failed = run(self.remount_command)
        if not failed:
            self._all("settle", self.current)
        return failed or 0, None, ()

    def restart(self):
        return run(self.restart_command) or 0, None, ()

    def forget(self, what):
        """Drops caches of the kernel, for the whole machine, which must not be visible."""
        if what == "sync":
            os.sync()
        elif self.remount_command:
            with open("/proc/sys/vm/drop_caches", "w") as file:
                file.write(what)
        return 0, None, ()

    def _all(self, *message):
        for worker in range(len(self.workers)):
            heard = self._ask(worker, *message)
            if heard is not None:
                return heard
        return None

    def _ask(self, worker, *message):
        pid, pipe, _ = self.workers[worker]
        try:
            pipe.say(message)
            return pipe.hear(PATIENCE)
        except TimeoutError:
            return f"it hangs for {PATIENCE} s"
        except (BrokenPipeError, EOFError):
            return f"the worker died: {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}"


def run(command):
    """Returns None, or a description of the failure."""
    if not command:
        return None
    try:
        done = subprocess.run(command, shell=True, check=False, timeout=PATIENCE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        return f"{command}: it hangs for {PATIENCE} s"
    return f"{command}: {done.stdout.decode()}" if done.returncode else None


def remove(path):
    """Removes a tree as rm -rf does, including files that are protected by flags."""
    mode = os.lstat(path).st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if kernel.get_flags(fd) & 0x30:
                    kernel.set_flags(fd, 0)
            finally:
                os.close(fd)
        except OSError:
            pass  # the filesystem does not support flags
    if not stat.S_ISDIR(mode):
        os.unlink(path)
        return
    for name in os.listdir(path):
        remove(os.path.join(path, name))
    os.rmdir(path)
