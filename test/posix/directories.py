#!/usr/bin/python3 -B
"""Directories: large ones, telldir and seekdir, changes during a listing, concurrency."""
import os
import platform
import random
import shutil
import subprocess
from errno import EINVAL, ENOENT, ENOTDIR, ENOTEMPTY

from shared.cases import case, equal, fails, get, main, put, true, until
from shared.linux import Directory, call
from shared.people import start

MANY = 20000


def names(entries):
    return [entry.name.decode() for entry in entries if entry.name not in (b".", b"..")]


def touch(path):
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o644))


# --- large directories ---

@case(f"a directory of {MANY} entries is listed whole, looked up in, thinned out and removed", 240)
def _():
    os.mkdir("d")
    for n in range(MANY):
        touch(f"d/entry{n}")
    listed = names(Directory("d").rest())
    equal(len(listed), MANY, "the number of entries listed")
    equal(set(listed) == {f"entry{n}" for n in range(MANY)}, True, "equality of the listing")
    for n in random.Random(1).sample(range(MANY), 500):
        os.stat(f"d/entry{n}")
        fails(ENOENT, os.stat, f"d/none{n}")
    for n in range(0, MANY, 2):
        os.unlink(f"d/entry{n}")
    equal(set(os.listdir("d")) == {f"entry{n}" for n in range(1, MANY, 2)}, True,
          "equality of the listing of what is left")
    fails(ENOTEMPTY, os.rmdir, "d")
    for n in range(1, MANY, 2):
        os.unlink(f"d/entry{n}")
    equal(os.listdir("d"), [])
    os.rmdir("d")


if platform.machine() == "x86_64":
    @case("a 32-bit program lists a directory, seeks in it and asks for the filesystem's size")
    def _():
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shared", "narrow.c")
        subprocess.run(["clang-19", "-m32", "-nostdlib", "-static", "-ffreestanding", "-fno-pic",
                        "-fno-stack-protector", "-O1", source, "-o", "narrow"], check=True)
        for n in range(5000):
            touch(f"entry{n}")
        ran = subprocess.run(["./narrow"], capture_output=True, text=True)
        equal((ran.returncode, ran.stdout), (0, ""), "its exit code, and what it could not hold")


@case("a thousand subdirectories are counted in the link count, until they are removed")
def _():
    os.mkdir("d")
    for n in range(1000):
        os.mkdir(f"d/{n}")
    equal(os.stat("d").st_nlink, 1002)
    for n in range(1000):
        os.rmdir(f"d/{n}")
    equal(os.stat("d").st_nlink, 2)


@case("entries with the longest names are listed completely")
def _():
    wanted = {f"{n:03d}" + "x" * 252 for n in range(600)}
    for name in wanted:
        touch(name)
    equal(set(os.listdir(".")) == wanted, True, "equality of the listing")


# --- positions ---

def filled(count=600):
    os.mkdir("d")
    for n in range(count):
        touch(f"d/entry{n}")
    return Directory("d")


@case("seekdir returns to every position that telldir gave")
def _():
    stream = filled()
    places, listed = [], []
    while True:
        places.append(stream.tell())
        entry = stream.read()
        if not entry:
            break
        listed.append(entry)
    equal(len(names(listed)), 600, "the number of entries")
    for n in random.Random(2).sample(range(len(listed)), 100):
        stream.seek(places[n])
        equal(stream.read(), listed[n], f"the entry at place {n}")
    stream.seek(places[300])
    equal(stream.rest() == listed[300:], True, "equality from the middle on")


@case("a position from one handle is valid in another handle, and after a reopen")
def _():
    stream = filled()
    for _ in range(250):
        stream.read()
    place, rest = stream.tell(), stream.rest()
    stream.close()
    other = Directory("d")
    other.seek(place)
    equal(other.rest() == rest, True, "equality of the rest")


@case("a position stays valid when the entries around it and its own entry are removed")
def _():
    stream = filled()
    listed = names(Directory("d").rest())
    seen = []
    while len(seen) < 300:
        seen += names([stream.read()])
    place = stream.tell()
    rest = names(stream.rest())
    gone = set(seen[::2] + rest[:5] + rest[100::2])
    for name in gone:
        os.unlink(f"d/{name}")
    other = Directory("d")
    other.seek(place)
    equal(names(other.rest()), [name for name in rest if name not in gone], "what follows")
    equal(len(listed), 600)


@case("rewinddir starts again and shows what has changed")
def _():
    stream = filled(100)
    equal(len(names(stream.rest())), 100)
    touch("d/new")
    os.unlink("d/entry5")
    stream.rewind()
    listed = names(stream.rest())
    equal((len(listed), "new" in listed, "entry5" in listed), (100, True, False))


@case("two handles of one directory have independent positions")
def _():
    one, two = filled(300), Directory("d")
    first = [one.read() for _ in range(100)]
    second = two.rest()
    equal(first + one.rest() == second, True, "equality")


@case("a dup shares the position, and lseek to 0 starts again")
def _():
    filled(300)
    fd = os.open("d", os.O_RDONLY)
    listed = os.listdir(fd)
    equal(len(listed), 300)
    os.lseek(fd, 0, os.SEEK_SET)
    equal(os.listdir(os.dup(fd)), listed)


@case("getdents fails with EINVAL if no entry fits, and with ENOTDIR on a file")
def _():
    filled(3)
    number = {"x86_64": 217, "aarch64": 61}[os.uname().machine]
    fd = os.open("d", os.O_RDONLY)
    fails(EINVAL, call, "syscall", number, fd, bytes(8), 8)
    true(call("syscall", number, fd, bytes(1000), 1000) > 0, "a listing after that is empty")
    put("file")
    fails(ENOTDIR, call, "syscall", number, os.open("file", os.O_RDONLY), bytes(1000), 1000)


# --- changes during a listing ---

@case("removing each entry as it is listed, as rm -r does, removes all in one pass")
def _():
    stream = filled(3000)
    while entry := stream.read():
        if entry.name not in (b".", b".."):
            os.unlink(b"d/" + entry.name)
    equal(os.listdir("d"), [])
    os.rmdir("d")


@case("a running listing shows changed entries as they are now, and no removed ones")
def _():
    number = {"x86_64": 217, "aarch64": 61}[os.uname().machine]
    os.mkdir("d")
    for n in range(300):
        touch(f"d/{n}")
    fd = os.open("d", os.O_RDONLY)
    call("syscall", number, fd, bytes(400), 400)
    for n in range(0, 300, 3):
        os.unlink(f"d/{n}")
        os.chmod(f"d/{n + 1}", 0o741)
        os.rename(f"d/{n + 2}", f"d/moved-{n}")
    while call("syscall", number, fd, bytes(400), 400):
        pass
    for n in range(0, 300, 3):
        fails(ENOENT, os.stat, f"d/{n}")
        equal(oct(os.stat(f"d/{n + 1}").st_mode & 0o777), oct(0o741))
        fails(ENOENT, os.stat, f"d/{n + 2}")


@case("a running listing shows every entry that was not renamed meanwhile")
def _():
    stream = filled(1000)
    seen = set()
    while entry := stream.read():
        name = entry.name.decode()
        if name.startswith("entry"):
            true(name not in seen, f"{name} is listed twice")
            seen.add(name)
            os.rename(f"d/{name}", f"d/renamed-{name}")
    equal(len(seen), 1000, "the number of entries seen")


@case("a listing shows each untouched entry once while others create and remove names")
def _():
    os.mkdir("d")
    staying = {f"staying{n}" for n in range(700)}
    for name in staying:
        touch(f"d/{name}")

    def churn(who, stop):
        for n in range(100000):
            touch(f"d/{who}-{n}")
            if n >= 50:
                os.unlink(f"d/{who}-{n - 50}")
            if os.path.exists(stop):
                break

    churning = [start(churn, who, "stop") for who in range(3)]
    try:
        for number in range(25):
            listed = names(Directory("d").rest())
            equal(len(listed), len(set(listed)), f"the number of names in listing {number}")
            missing = staying - set(listed)
            equal(missing, set(), f"what is missing in listing {number}")
    finally:
        touch("stop")
    for one in churning:
        one.result()


@case("a listing shows each untouched entry while others move names in and out")
def _():
    os.mkdir("d")
    os.mkdir("e")
    staying = {f"staying{n}" for n in range(400)}
    for name in staying:
        touch(f"d/{name}")
    for n in range(100):
        touch(f"d/moving{n}")

    def churn(stop):
        while not os.path.exists(stop):
            for n in range(100):
                os.rename(f"d/moving{n}", f"e/moving{n}")
            for n in range(100):
                os.rename(f"e/moving{n}", f"d/moving{n}")

    churning = start(churn, "stop")
    try:
        for number in range(25):
            listed = [name for name in names(Directory("d").rest()) if name in staying]
            equal(sorted(listed) == sorted(staying), True, f"equality of listing {number}")
    finally:
        touch("stop")
    churning.result()


@case("a listing of 100 names at a time, with changes between, misses no untouched entry")
def _():
    stream = filled(1000)
    seen = []
    for batch in range(40):
        for _ in range(25):
            entry = stream.read()
            seen += names([entry]) if entry else []
        touch(f"d/new{batch}")
        os.unlink(f"d/entry{batch * 10}")
    seen += names(stream.rest())
    equal(len(seen), len(set(seen)), "the number of different names")
    staying = {f"entry{n}" for n in range(1000) if n % 10 or n >= 400}
    equal(staying - set(seen), set(), "what was missed")


# --- concurrency ---

@case("four processes that make and remove files in one directory leave the expected entries")
def _():
    os.mkdir("d")

    def work(who):
        for n in range(200):
            put(f"d/{who}-{n}", b"%d" % n)
            if n % 3 == 0:
                os.rename(f"d/{who}-{n}", f"d/{who}-{n}-moved")
            elif n % 3 == 1:
                os.unlink(f"d/{who}-{n}")
    for one in [start(work, who) for who in range(4)]:
        one.result()
    wanted = {f"{who}-{n}-moved" if n % 3 == 0 else f"{who}-{n}"
              for who in range(4) for n in range(200) if n % 3 != 1}
    equal(set(os.listdir("d")) == wanted, True, "equality of the listing")
    equal(get("d/2-101"), b"101")


@case("four processes that make and remove directories leave the right link count")
def _():
    os.mkdir("d")

    def work(who):
        for n in range(150):
            os.mkdir(f"d/{who}-{n}")
            if n % 2:
                os.rmdir(f"d/{who}-{n}")
    for one in [start(work, who) for who in range(4)]:
        one.result()
    equal(os.stat("d").st_nlink, 2 + 4 * 75, "the link count")
    equal(len(os.listdir("d")), 4 * 75, "the number of directories")


@case("rmdir during concurrent creates in the directory succeeds or fails with ENOTEMPTY")
def _():
    def make(stop):
        made = 0
        while not os.path.exists(stop):
            try:
                touch("d/a")
                made += 1
                os.unlink("d/a")
            except FileNotFoundError:
                pass
        return made

    os.mkdir("d")
    making = start(make, "stop")
    outcomes = set()

    def attempt():
        try:
            os.rmdir("d")
            os.mkdir("d")
            outcomes.add("removed")
        except OSError as problem:
            equal(problem.errno, ENOTEMPTY, "the errno of rmdir")
            outcomes.add("refused")
        return len(outcomes) == 2
    for _ in range(300):
        attempt()
    until(attempt, f"rmdir was only {outcomes}", 30)
    touch("stop")
    making.result()
    os.rmdir("d")


@case("four processes that make and remove trees concurrently leave nothing")
def _():
    def work(who):
        for n in range(6):
            for folder in range(4):
                os.makedirs(f"{who}/{n}/{folder}/x")
                for file in range(4):
                    put(f"{who}/{n}/{folder}/{file}", b"text")
            shutil.rmtree(f"{who}/{n}")
        os.rmdir(str(who))
    for one in [start(work, who) for who in range(4)]:
        one.result()
    equal(os.listdir("."), [])


@case("a directory descriptor refers to its directory wherever that moves")
def _():
    os.makedirs("x/d")
    fd = os.open("x/d", os.O_RDONLY)
    os.mkdir("y")
    os.rename("x/d", "y/e")
    os.close(os.open("a", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    equal(os.listdir("y/e"), ["a"])
    os.fchdir(fd)
    equal(os.path.basename(os.getcwd()), "e")
    os.fsync(fd)


main()
