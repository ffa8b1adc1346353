"""The cases of a family of test/posix, and the vocabulary that they are written in.

    @case("rename over an open file keeps it usable")
    def _():
        put("a", b"old")
        ...

Each case runs as root with umask 022 in a process of its own, whose current directory is a fresh
empty folder on the filesystem under test: paths are relative, so that users who may not enter the
folders above can act, too. It may take a minute (or `seconds=`); then its processes are killed.
"""
import argparse
import contextlib
import errno
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

_cases = []


class Wrong(Exception):
    """The filesystem behaved differently from what the case asserts."""


class Skip(Exception):
    """This machine cannot run the case; in CI that counts as a failure."""


def case(name, seconds=60):
    def note(function):
        _cases.append((name, seconds, function))
        return function
    return note


# --- assertions ---

class Mode(int):
    """Permission bits, printed in octal."""

    def __repr__(self):
        return f"{int(self):04o}"


def equal(got, wanted, about="it"):
    if got != wanted:
        if isinstance(got, Mode):
            wanted = Mode(wanted)
        raise Wrong(f"{about} is {_short(got)}, not {_short(wanted)}")


def true(condition, why):
    """`why` describes the failure if the condition is false."""
    if not condition:
        raise Wrong(why)


def fails(codes, function, *args, **named):
    """Checks that the call raises OSError with this errno, or one of these."""
    codes = codes if isinstance(codes, (tuple, list)) else (codes,)
    wanted = " or ".join(errno.errorcode[code] for code in codes)
    call = f"{getattr(function, '__name__', function)}{_short(args)}"
    try:
        result = function(*args, **named)
    except OSError as problem:
        if problem.errno not in codes:
            got = errno.errorcode.get(problem.errno, problem.errno)
            raise Wrong(f"{call} gives {got}, not {wanted}") from problem
        return problem.errno
    raise Wrong(f"{call} succeeds with {_short(result)} instead of {wanted}")


def until(condition, why, seconds=10):
    """Waits for the condition; `why` describes the failure if it never becomes true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Wrong(f"after {seconds} s {why}")
        time.sleep(0.002)


def settled(measure):
    """Returns the measure once it stops changing; removed files may free their space later."""
    def rests():
        before = measure()
        time.sleep(0.2)
        return measure() == before
    until(rests, "the free space keeps changing", 30)
    return measure()


def _short(value):
    text = repr(value)
    return text if len(text) < 200 else f"{text[:150]}…{text[-30:]} ({len(text)} characters)"


# --- small helpers ---

def put(path, data=b"", mode=0o644):
    """Makes or overwrites a file."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        write_all(fd, data)
    finally:
        os.close(fd)


def get(path):
    with open(path, "rb", buffering=0) as file:
        return file.read()


def opened(path="a", flags=0):
    """Opens a file for reading and writing; creates it if it does not exist."""
    return os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o644)


def write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


def pread_all(fd, size, offset):
    """Reads up to `size` bytes, fewer only at the end of the file."""
    pieces = []
    while size and (piece := os.pread(fd, size, offset)):
        pieces.append(piece)
        size -= len(piece)
        offset += len(piece)
    return b"".join(pieces)


def dice():
    """Returns a source of random choices, which the SEED that it prints repeats."""
    seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
    print(f"    SEED={seed}")
    return random.Random(seed)


def pattern(size, seed=0):
    """Returns bytes that do not repeat near a block, page or frame boundary."""
    return b"".join(b"%07x\n" % (seed * 1000003 + n) for n in range(size // 8 + 1))[:size]


# --- running ---

def filesystem_of(folder):
    """Returns the kind of the filesystem that holds `folder`: ext4, flexfs, …"""
    device = os.stat(folder).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[2] == wanted:
            return fields[fields.index("-") + 1].removeprefix("fuse.")
    return "unknown"


def main():
    family = Path(sys.argv[0]).stem
    parser = argparse.ArgumentParser(
        description=f"Asserts the {family} of POSIX and Linux on the filesystem that holds DIR.")
    parser.add_argument("dir", metavar="DIR")
    parser.add_argument("words", nargs="?", default="", help="only cases whose name contains them")
    wanted = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit(f"{sys.argv[0]}: it acts as several users, so it must be run as root")

    filesystem = filesystem_of(wanted.dir)
    folder = tempfile.mkdtemp(prefix=f"{family}.", dir=wanted.dir)
    os.chmod(folder, 0o755)
    good = True
    try:
        for number, (name, seconds, function) in enumerate(_cases):
            if wanted.words in name:
                good &= _run(f"{filesystem}: {name}", seconds, function, f"{folder}/{number}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if good else 1)


def _make(folder):
    """A case that filled the filesystem and failed may have left space only for its removal."""
    def made():
        try:
            os.mkdir(folder, 0o755)
            return True
        except OSError as problem:
            if problem.errno != errno.ENOSPC:
                raise
            return False
    until(made, "there is no space for a folder", 30)


def _run(name, seconds, function, folder):
    _make(folder)
    said, say = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(said)
        _child(function, folder, say)
    os.close(say)
    handle = os.pidfd_open(child)
    in_time = bool(select.select([handle], [], [], seconds)[0])
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # also the case itself, if it hangs
    status = os.waitpid(child, 0)[1]
    os.set_blocking(said, False)
    try:
        verdict = os.read(said, 1 << 16).decode()
    except BlockingIOError:
        verdict = ""
    os.close(handle)
    os.close(said)
    if not in_time:
        verdict = f"not ok NAME: not done after {seconds} s\n"
    elif not verdict:
        verdict = f"not ok NAME: its process ended with wait status {status}\n"
    details, _, line = verdict.rstrip("\n").rpartition("\n")
    if details:
        print(details)
    print(line.replace("NAME", name, 1), flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    return not line.startswith("not ok")


def _child(function, folder, say):
    """Runs a case and reports `ok NAME`, or a traceback and `not ok NAME: WHY`."""
    try:
        os.setpgid(0, 0)
        os.umask(0o022)
        os.chdir(folder)
        try:
            function()
            verdict = "ok NAME"
        except Skip as why:
            verdict = f"skip NAME: {why}"
        except BaseException as problem:  # including SystemExit
            frames = [f"    {Path(frame.filename).name}:{frame.lineno}: {frame.line}\n"
                      for frame in traceback.extract_tb(problem.__traceback__)[1:]]
            kind = "" if isinstance(problem, Wrong) else f"{type(problem).__name__}: "
            why = " ".join(str(problem).split())
            verdict = f"{''.join(frames)[-4000:]}not ok NAME: {kind}{why[:1000]}"
        os.write(say, verdict.encode(errors="backslashreplace"))
    finally:
        os._exit(0)
