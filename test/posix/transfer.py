#!/usr/bin/python3 -B
"""Other ways to transfer bytes: sendfile, splice, aio, io_uring, and verification by fio."""
import fcntl
import mmap
import os
import select
import socket
import subprocess
from errno import EBADF, EINVAL

from shared.cases import case, equal, fails, get, main, opened, pattern, put, true
from shared.people import start
from shared.rings import Aio, Uring

SIZE = 3_000_000


def drain(fd):
    pieces = []
    while piece := os.read(fd, 1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


# --- sendfile, splice ---

@case("sendfile sends a file to a socket, from any offset, and stops at its end")
def _():
    put("a", pattern(SIZE))
    source = opened()
    for offset in (0, 1, 4095, 1000001):
        one, other = socket.socketpair()

        def receive(one=one, other=other):
            one.close()
            return drain(other.fileno())
        receiving = start(receive)
        other.close()
        sent = 0
        while got := os.sendfile(one.fileno(), source, offset + sent, SIZE):
            sent += got
        one.close()
        equal(sent, SIZE - offset, "the bytes sent")
        equal(receiving.result() == pattern(SIZE)[offset:], True, "equality")
    equal(os.lseek(source, 0, os.SEEK_CUR), 0, "the position")


@case("sendfile copies from file to file, and moves the position if no offset is given")
def _():
    put("a", pattern(SIZE))
    source, target = opened(), opened("b")
    done = 0
    while got := os.sendfile(target, source, None, SIZE):
        done += got
    equal((done, os.lseek(source, 0, os.SEEK_CUR)), (SIZE, SIZE))
    equal(get("b") == pattern(SIZE), True, "equality")
    fails(EBADF, os.sendfile, os.open("b", os.O_RDONLY), source, 0, 10)
    fails(EINVAL, os.sendfile, opened("b", os.O_APPEND), source, 0, 10)


@case("splice moves a file through a pipe into another, at the given offsets")
def _():
    put("a", pattern(SIZE))
    source, target = opened(), opened("b")
    reader, writer = os.pipe()
    done = 5
    while moved := os.splice(source, writer, 65536, offset_src=done):
        while moved:
            got = os.splice(reader, target, moved, offset_dst=done + 7)
            moved -= got
            done += got
    equal(get("b") == bytes(12) + pattern(SIZE)[5:], True, "equality")
    fails(EINVAL, os.splice, source, target, 10)


@case("splice from a pipe writes the pipe's data, even over data written before")
def _():
    put("a", pattern(100000, 3))
    reader, writer = os.pipe()
    os.write(writer, pattern(50000))
    done = 0
    while done < 50000:
        done += os.splice(reader, opened(), 50000 - done, offset_dst=10001 + done)
    wanted = pattern(100000, 3)
    equal(get("a") == wanted[:10001] + pattern(50000) + wanted[60001:], True, "equality")


@case("a file is always ready in poll")
def _():
    fd = opened()
    poll = select.poll()
    poll.register(fd, select.POLLIN | select.POLLOUT)
    equal(poll.poll(1000), [(fd, select.POLLIN | select.POLLOUT)])


# --- aio, io_uring ---

def batch(ring, direct):
    """Submits eight unordered writes, an fsync, and eight reads; for both kinds of rings."""
    fd = opened("a", os.O_DIRECT if direct else 0)
    block = 65536
    areas = [mmap.mmap(-1, block) for _ in range(8)]
    for n, area in enumerate(areas):
        area[:] = pattern(block, n)
    order = (3, 0, 7, 1, 6, 2, 5, 4)
    equal(ring.run(*((ring.PWRITE, fd, areas[n], n * block) for n in order)), [block] * 8)
    equal(ring.run((ring.FSYNC, fd, None, 0)), [0])
    equal(get("a") == b"".join(pattern(block, n) for n in range(8)), True, "equality")

    for area in areas:
        area[:] = bytes(block)
    os.ftruncate(fd, 8 * block - 4000)
    results = ring.run(*((ring.PREAD, fd, areas[n], n * block) for n in range(8)))
    equal(results, [block] * 7 + [block - 4000], "what the reads give")
    for n, area in enumerate(areas[:7]):
        equal(area[:] == pattern(block, n), True, f"equality of block {n}")
    equal(ring.run((ring.PREAD, fd, areas[0], 8 * block)), [0], "what a read past the end gives")
    reader = os.open("a", os.O_RDONLY)
    equal(ring.run((ring.PWRITE, reader, areas[0], 0)), [-EBADF], "a write to what is only read")


@case("aio writes, syncs and reads in batches, with O_DIRECT, too")
def _():
    for direct in (False, True):
        batch(Aio(), direct)


@case("io_uring writes, syncs and reads in batches, with O_DIRECT, too")
def _():
    Uring.PWRITE, Uring.PREAD = Uring.WRITE, Uring.READ
    for direct in (False, True):
        batch(Uring(), direct)


@case("io_uring appends and uses the position, as write and read do")
def _():
    ring = Uring()
    put("a", b"start")
    fd = opened(flags=os.O_APPEND)
    for text in (b"+1", b"+2"):
        equal(ring.run((ring.WRITE, fd, bytearray(text), 2**64 - 1)), [2])
    equal(get("a"), b"start+1+2")
    fd, into = opened(), bytearray(5)
    equal(ring.run((ring.READ, fd, into, 2**64 - 1)), [5])
    equal((bytes(into), os.lseek(fd, 0, os.SEEK_CUR)), (b"start", 5))


@case("a buffered read sees a finished direct aio or io_uring write, among concurrent readers")
def _():
    Uring.PWRITE = Uring.WRITE
    size = 20 * 4096
    put("a", bytes(size))
    fd, area = opened(flags=os.O_DIRECT), mmap.mmap(-1, size)
    reader = os.open("a", os.O_RDONLY)

    def read_on():
        while True:
            os.pread(reader, size, 0)
    readers = [start(read_on), start(read_on)]
    for ring in (Aio(), Uring()):
        for n in range(300):
            area[:] = bytes([n & 255]) * size
            equal(ring.run((ring.PWRITE, fd, area, 0)), [size])
            equal(set(os.pread(reader, size, 0)), {n & 255}, f"the bytes after write {n}")
    for one in readers:
        one.kill()


@case("after a hundred io_uring batches the file holds what they wrote")
def _():
    ring, fd = Uring(), opened()
    data = bytearray(200000)
    os.ftruncate(fd, len(data))
    for n in range(100):
        begins = [(n * 7919 + k * 50000) % 195000 for k in range(4)]
        pieces = [bytearray(pattern(4000 + k, n)) for k in range(4)]
        equal(ring.run(*((ring.WRITE, fd, piece, begin) for piece, begin in zip(pieces, begins))),
              [len(piece) for piece in pieces])
        for piece, begin in zip(pieces, begins):
            data[begin:begin + len(piece)] = piece
    equal(get("a") == bytes(data), True, "equality")


# --- fio ---

def fio(engine, *options):
    """Writes a file with a checksum in every block, in random or other order, and verifies it."""
    done = subprocess.run(
        ["fio", "--name=verified", "--filename=fio", f"--ioengine={engine}", "--size=16M",
         "--verify=crc32c", "--verify_fatal=1", "--do_verify=1", "--group_reporting",
         "--randseed=1", *options], capture_output=True, text=True, check=False)
    true(done.returncode == 0, f"fio: {(done.stderr + done.stdout)[-300:]}")
    os.unlink("fio")


@case("fio verifies sequential and random writes by read and write")
def _():
    fio("psync", "--rw=write", "--bs=128k", "--end_fsync=1")
    fio("psync", "--rw=randwrite", "--bs=4k", "--size=8M")
    fio("pvsync2", "--rw=randrw", "--bsrange=512-64k", "--size=8M")


@case("writes end while another process toggles O_DIRECT on their descriptor")
def _():
    put("a", bytes(4096))
    fd, area = opened(), mmap.mmap(-1, 4096)
    area[:512] = b"x" * 512
    part = memoryview(area)[:512]  # the kernel keeps a partly written page locked

    def turn_on_and_off():
        while True:
            fcntl.fcntl(fd, fcntl.F_SETFL, os.O_DIRECT)
            fcntl.fcntl(fd, fcntl.F_SETFL, 0)

    # Makes the other writer wait often between its check of O_DIRECT and its write.
    def write_on():
        while True:
            os.pwritev(fd, [part], 0)
    others = [start(turn_on_and_off), start(write_on)]
    for _ in range(3000):
        equal(os.pwritev(fd, [part], 0), 512)
    for one in others:
        one.kill()
    equal(get("a"), b"x" * 512 + bytes(3584))


@case("fio verifies writes by mmap")
def _():
    fio("mmap", "--rw=randwrite", "--bs=4k", "--size=8M")
    fio("mmap", "--rw=write", "--bs=64k")


@case("fio verifies writes by aio and io_uring, buffered and O_DIRECT")
def _():
    for engine in ("libaio", "io_uring"):
        fio(engine, "--rw=randwrite", "--bs=4k", "--iodepth=16", "--size=8M", "--direct=1")
        fio(engine, "--rw=randwrite", "--bs=16k", "--iodepth=16", "--size=8M")


main()
