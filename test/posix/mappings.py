#!/usr/bin/python3 -B
"""mmap: private and shared, with reads and writes by other processes, beyond the end, and msync."""
import ctypes
import mmap
import os
import random
import shutil
import signal
import struct
import subprocess
from errno import EACCES, EINVAL, ENODEV, ENOMEM

from shared.cases import case, equal, fails, get, main, opened, pattern, pread_all, put, true
from shared.contents import extents
from shared.linux import call
from shared.people import ALICE, by, elsewhere, start

PAGE = mmap.PAGESIZE
STEP = 64 << 10
READ = {"flags": mmap.MAP_SHARED, "prot": mmap.PROT_READ}
PRIVATE = {"flags": mmap.MAP_PRIVATE, "prot": mmap.PROT_READ | mmap.PROT_WRITE}


def mapped(size=100000, **named):
    """Returns a descriptor of a file of pattern(size), and its mapping."""
    put("a", pattern(size))
    fd = opened()
    return fd, mmap.mmap(fd, size, **named)


# --- shared ---

@case("a shared mapping shows the file, and read sees at once what it writes")
def _():
    fd, area = mapped()
    equal(area[:] == pattern(100000), True, "equality of the mapping")
    for place in (0, 4095, 50000, 99997):
        area[place:place + 3] = b"new"
        equal(os.pread(fd, 3, place), b"new")
        equal(elsewhere(lambda place=place: os.pread(opened(), 3, place)), b"new")


@case("a shared mapping shows at once what any process writes")
def _():
    fd, area = mapped()
    area[:]  # maps all pages
    for n, place in enumerate((0, 4094, 65535, 99997)):
        if n % 2:
            os.pwrite(fd, b"new", place)
        else:
            elsewhere(lambda place=place: os.pwrite(opened(), b"new", place))
        equal(area[place:place + 3], b"new")


@case("two processes share a mapping")
def _():
    _, area = mapped(8192)
    said, say = os.pipe()

    def answer():
        _, other = mapped_again(8192)
        os.write(say, b"!")
        while other[0] != 1:
            pass
        other[5000] = 2
    running = start(answer)
    os.read(said, 1)
    area[5000] = 0
    area[0] = 1
    running.result(10)
    equal(area[5000], 2, "what the other process wrote")


def mapped_again(size, path="a", **named):
    fd = opened(path)
    return fd, mmap.mmap(fd, size, **named)


@case("after munmap, close and fsync the file has what a mapping wrote, without msync")
def _():
    for end in (lambda fd: None, os.fsync):
        fd, area = mapped(300000)
        area[1000:200000] = pattern(199000, 7)
        area.close()
        end(fd)
        os.close(fd)
        wanted = pattern(300000)[:1000] + pattern(199000, 7) + pattern(300000)[200000:]
        equal(get("a") == wanted, True, "equality")


@case("msync writes back the changes of a mapping, so that O_DIRECT reads them")
def _():
    _, area = mapped(1 << 20)
    direct = opened(flags=os.O_DIRECT)
    into = mmap.mmap(-1, 4096)
    for n in range(20):
        area[50000 * n:50000 * n + 4] = b"%04d" % n
        area.flush()
        place = 50000 * n // 4096 * 4096
        os.preadv(direct, [into], place)
        equal(into[50000 * n - place:][:4], b"%04d" % n)


@case("msync fails with EINVAL for bad flags and with ENOMEM for an unmapped range")
def _():
    _, area = mapped(3 * PAGE)
    address = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(area)))
    for flags in (1, 2, 4, 2 | 4):  # ASYNC, INVALIDATE, SYNC
        equal(call("msync", address, 3 * PAGE, flags), 0)
    fails(EINVAL, call, "msync", address, PAGE, 1 | 4)
    fails(EINVAL, call, "msync", ctypes.c_void_p(address.value + 1), PAGE, 4)
    fails(ENOMEM, call, "msync", ctypes.c_void_p(16 * PAGE), PAGE, 4)


@case("a mapping outlives the close and the unlink of its file")
def _():
    fd, area = mapped()
    os.close(fd)
    os.unlink("a")
    equal(area[90000:90008], pattern(100000)[90000:90008])
    area[90000:90003] = b"new"
    area.flush()
    equal(area[90000:90003], b"new")


@case("random writes through a mapping of 32 MiB all reach the file")
def _():
    size = 32 << 20
    dice = random.Random(3)
    fd = opened()
    os.ftruncate(fd, size)
    data = bytearray(size)
    with mmap.mmap(fd, size) as area:
        for _ in range(3000):
            place = dice.randrange(size - 5000)
            piece = dice.randbytes(dice.choice((1, 100, 5000)))
            area[place:place + len(piece)] = piece
            data[place:place + len(piece)] = piece
    equal(pread_all(fd, size, 0) == data, True, "equality by read")
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    equal(pread_all(fd, size, 0) == data, True, "equality after fsync")


@case("a write through a mapping keeps setuid and capabilities, and updates mtime and ctime")
def _():
    put("a", pattern(100000), 0o6755)
    os.chmod("a", 0o6755)
    capability = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
    os.setxattr("a", "security.capability", capability)
    for who in (None, ALICE):
        fd = opened()
        os.utime(fd, (1, 1))
        then = os.fstat(fd).st_ctime_ns

        def write(fd=fd):
            with mmap.mmap(fd, 100000) as area:
                area[50000:50003] = b"new"
        by(who, write) if who else write()
        os.fsync(fd)
        now = os.fstat(fd)
        equal(oct(now.st_mode & 0o7777), oct(0o6755), "the mode")
        equal(os.getxattr("a", "security.capability"), capability)
        true(now.st_mtime > 1 and now.st_ctime_ns > then, "mtime and ctime stand still")


@case("writing into a hole through a mapping fills only that place")
def _():
    fd = opened()
    os.ftruncate(fd, 1 << 30)
    with mmap.mmap(fd, 1 << 20, offset=1 << 29) as area:
        area[5000:5004] = b"text"
    os.fsync(fd)
    equal(os.pread(fd, 12, (1 << 29) + 4996), bytes(4) + b"text" + bytes(4))
    equal(os.fstat(fd).st_size, 1 << 30, "the size")
    true(0 < os.fstat(fd).st_blocks * 512 < 1 << 20, f"{os.fstat(fd).st_blocks} blocks are stored")


@case("SEEK_DATA and SEEK_HOLE see what any mapping has just written")
def _():
    fd = opened()
    os.ftruncate(fd, 64 * STEP)
    area = mmap.mmap(fd, 64 * STEP)
    wanted = []
    for place in (40, 3, 10):
        area[place * STEP:(place + 1) * STEP] = pattern(STEP, place)
        wanted = sorted([*wanted, (place * STEP, (place + 1) * STEP)])
        equal(extents(fd), wanted)
        area[(place + 1) * STEP:(place + 2) * STEP] = pattern(STEP, place + 1)
        wanted[wanted.index((place * STEP, (place + 1) * STEP))] = place * STEP, (place + 2) * STEP
        equal(elsewhere(lambda: extents(os.open("a", os.O_RDONLY))), wanted)
    equal(area[11 * STEP:12 * STEP], pattern(STEP, 11))
    os.fsync(fd)
    equal(extents(fd), wanted, "the extents after fsync")


@case("SEEK_HOLE finds the end of a file whose holes a mapping has just filled")
def _():
    fd = opened()
    for place in (0, 2, 4):
        os.pwrite(fd, pattern(STEP, place), place * STEP)
    os.ftruncate(fd, 8 * STEP + 10)
    area = mmap.mmap(fd, 8 * STEP + 10)
    for place in (1, 3, 5, 6, 7, 8):
        area[place * STEP:(place + 1) * STEP] = pattern(8 * STEP + 10)[place * STEP:][:STEP]
    equal(os.lseek(fd, 0, os.SEEK_HOLE), 8 * STEP + 10)
    equal(os.lseek(fd, 8 * STEP + 2, os.SEEK_DATA), 8 * STEP + 2)


@case("programs that skip holes copy everything that a mapping has just written")
def _():
    # The file's times may change meanwhile, when written data is stored; tar warns about that.
    copies = ("cp --sparse=auto a b", "cp --sparse=always a b",
              "tar -Scf c.tar a --transform s/a/b/ 2>/dev/null; tar -xf c.tar")
    said, say = os.pipe()
    wait, go_on = os.pipe()

    def write():  # closing the file, as the start of another process does, stores it
        fd = opened()
        os.ftruncate(fd, 64 * STEP)
        area = mmap.mmap(fd, 64 * STEP)
        for n in range(len(copies)):
            place = (7 + 20 * n) * STEP
            area[place:place + 5 * STEP] = pattern(5 * STEP, n)
            os.write(say, b"!")
            os.read(wait, 1)
    running = start(write)
    wanted = bytearray(64 * STEP)
    for n, copy in enumerate(copies):
        os.read(said, 1)
        wanted[(7 + 20 * n) * STEP:(12 + 20 * n) * STEP] = pattern(5 * STEP, n)
        subprocess.run(copy, shell=True, check=True)
        equal(get("b") == wanted, True, f"equality of what {copy} made")
        os.write(go_on, b"!")
    running.result()


# --- private ---

@case("writes to a private mapping do not reach the file")
def _():
    fd, area = mapped(**PRIVATE)
    area[50000:50003] = b"new"
    equal(area[50000:50003], b"new")
    equal(os.pread(fd, 3, 50000), pattern(100000)[50000:50003])
    area.close()
    equal(get("a") == pattern(100000), True, "equality")


@case("a child of fork copies a private mapping and shares a shared one")
def _():
    _, shared = mapped(PAGE)
    _, private = mapped_again(PAGE, **PRIVATE)

    def change():
        shared[0] = private[5] = 1
    elsewhere(change)
    equal((shared[0], private[5]), (1, pattern(6)[5]))


# --- permission ---

@case("a shared writable mapping needs O_RDWR, and every mapping read access: EACCES")
def _():
    put("a", pattern(PAGE))
    reader, writer = os.open("a", os.O_RDONLY), os.open("a", os.O_WRONLY)
    fails(EACCES, mmap.mmap, reader, PAGE)
    fails(EACCES, mmap.mmap, writer, PAGE)
    fails(EACCES, lambda: mmap.mmap(writer, PAGE, **READ))
    mmap.mmap(reader, PAGE, **READ)
    mmap.mmap(reader, PAGE, **PRIVATE)[0] = 1


@case("mmap fails with EINVAL for a bad offset or no length, and with ENODEV for a directory")
def _():
    put("a", pattern(3 * PAGE))
    os.mkdir("d")
    fd = opened()
    fails(EINVAL, _mmap, fd, PAGE, 5)
    fails(EINVAL, _mmap, fd, 0, 0)
    fails(ENODEV, _mmap, os.open("d", os.O_RDONLY), PAGE, 0)


def _mmap(fd, size, offset):
    """Calls mmap of libc, without the checks of Python; for calls that fail."""
    call("mmap", None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, offset)


# --- the end of the file ---

def dies(function):
    """Returns the signal that ends a process which calls this, or None."""
    running = start(function)
    status = running.wait()
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else None


@case("pages beyond the end raise SIGBUS, and the rest of the last page is zeros")
def _():
    put("a", pattern(5000))
    _, area = mapped_again(5000)
    address = ctypes.addressof(ctypes.c_char.from_buffer(area))
    equal(ctypes.string_at(address + 5000, 2 * PAGE - 5000), bytes(2 * PAGE - 5000))
    raw = _map_raw(opened(), 4 * PAGE)
    equal(ctypes.string_at(raw, 5000), pattern(5000))
    equal(dies(lambda: ctypes.string_at(raw + 2 * PAGE, 1)), signal.SIGBUS)
    equal(dies(lambda: ctypes.memset(raw + 2 * PAGE, 1, 1)), signal.SIGBUS)


def _map_raw(fd, size):
    """Returns the address of a mapping that may be longer than its file."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int,
                          ctypes.c_int, ctypes.c_long]
    return libc.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, fd, 0)


@case("truncating a mapped file raises SIGBUS beyond the end, until the file is extended again")
def _():
    put("a", pattern(4 * PAGE))
    fd = opened()
    raw = _map_raw(fd, 4 * PAGE)
    equal(ctypes.string_at(raw, 4 * PAGE), pattern(4 * PAGE))
    elsewhere(os.truncate, "a", PAGE + 10)
    equal(ctypes.string_at(raw, 2 * PAGE), pattern(PAGE + 10) + bytes(PAGE - 10))
    equal(dies(lambda: ctypes.string_at(raw + 2 * PAGE, 1)), signal.SIGBUS)
    os.ftruncate(fd, 4 * PAGE)
    equal(ctypes.string_at(raw + PAGE, 3 * PAGE), pattern(PAGE + 10)[PAGE:] + bytes(3 * PAGE - 10))


@case("bytes written beyond the end in the last page are not in the file when it is extended")
def _():
    put("a", pattern(1000))
    fd = opened()
    raw = _map_raw(fd, PAGE)
    ctypes.memset(raw + 2000, 0x41, 100)
    os.fsync(fd)
    os.ftruncate(fd, 3000)
    equal(os.pread(fd, 3000, 0), pattern(1000) + bytes(2000))


@case("a mapping shows what was appended after it was made")
def _():
    put("a", pattern(1000))
    fd = opened()
    raw = _map_raw(fd, 4 * PAGE)
    equal(ctypes.string_at(raw, 1000), pattern(1000))
    os.pwrite(fd, pattern(3 * PAGE, 5), 1000)
    equal(ctypes.string_at(raw, 1000 + 3 * PAGE), pattern(1000) + pattern(3 * PAGE, 5))


# --- offsets, advice, use ---

@case("any page of a file can be mapped, even beyond 4 GiB")
def _():
    fd = opened()
    for place in (0, 5 * PAGE, 1 << 32, (1 << 40) + PAGE):
        os.pwrite(fd, b"<%d>".ljust(20) % place, place)
    for place in (0, 5 * PAGE, 1 << 32, (1 << 40) + PAGE):
        with mmap.mmap(fd, 20, offset=place, **READ) as area:
            equal(area[:].split(b"\0")[0].split(b">")[0], b"<%d" % place)


@case("madvise, mlock and MAP_POPULATE keep the bytes unchanged")
def _():
    fd, area = mapped(1 << 20)
    area[5000:5003] = b"new"
    for advice in (mmap.MADV_SEQUENTIAL, mmap.MADV_RANDOM, mmap.MADV_WILLNEED,
                   mmap.MADV_DONTNEED):
        area.madvise(advice)
        equal(area[4990:5003], pattern(5000)[4990:] + b"new")
    address = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(area)))
    equal(call("mlock", address, 65536), 0)
    with mmap.mmap(fd, 1 << 20, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE) as other:
        equal(other[:] == area[:], True, "equality")


@case("programs and libraries run from their mapped files")
def _():
    library = next(line.split()[-1] for line in open("/proc/self/maps", encoding="utf-8")
                   if "/libm.so" in line or "/libz.so" in line or "/libffi.so" in line)
    shutil.copy(library, "library.so")
    elsewhere(lambda: ctypes.CDLL("./library.so") and None)
    shutil.copy("/bin/true", "program")
    for _ in range(5):
        subprocess.run(["./program"], check=True)


@case("a mapping and O_DIRECT writes see each other's changes")
def _():
    _, area = mapped(1 << 18)
    direct = opened(flags=os.O_DIRECT)
    block = mmap.mmap(-1, 4096)
    area[0:3]
    block[:] = b"d" * 4096
    os.pwrite(direct, block, 8192)
    equal(area[8190:8194], pattern(8192)[8190:] + b"dd")
    area[8192:8195] = b"new"
    os.preadv(direct, [block], 8192)
    equal(block[:5], b"newdd")


main()
