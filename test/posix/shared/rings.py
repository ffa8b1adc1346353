"""Linux aio and io_uring, minimal: they submit one call or a batch, then wait for the results."""
import ctypes
import mmap
import os
import struct

from shared.linux import call

# Numbers of system calls; io_uring's are the same everywhere.
_IO_SETUP, _IO_DESTROY, _IO_SUBMIT, _IO_GETEVENTS = {
    "x86_64": (206, 207, 209, 208), "aarch64": (0, 1, 2, 4)}[os.uname().machine]
_URING_SETUP, _URING_ENTER = 425, 426


def address(buffer):
    """Returns the address of a bytearray or mmap, which must live until the call is done."""
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


class Aio:
    """io_submit(2); see linux/aio_abi.h."""
    PREAD, PWRITE, FSYNC, FDSYNC = 0, 1, 2, 3

    def __init__(self):
        context = ctypes.c_ulong()
        call("syscall", _IO_SETUP, 64, ctypes.byref(context))
        self._context = context.value

    def run(self, *calls):
        """Submits (opcode, fd, buffer, offset) together; returns their results, or -errno."""
        blocks = []
        for number, (code, fd, buffer, offset) in enumerate(calls):
            blocks.append(ctypes.create_string_buffer(struct.pack(
                "=QIIHhIQQqQII", number, 0, 0, code, 0, fd, address(buffer) if buffer else 0,
                len(buffer) if buffer else 0, offset, 0, 0, 0)))
        pointers = (ctypes.c_void_p * len(blocks))(*map(ctypes.addressof, blocks))
        try:
            taken = call("syscall", _IO_SUBMIT, self._context, len(blocks), pointers)
        except OSError as problem:
            return [-problem.errno]  # io_uring would report it as the result of the first
        events = ctypes.create_string_buffer(32 * taken)
        call("syscall", _IO_GETEVENTS, self._context, taken, taken, events, None)
        told = {number: result for number, _, result, _ in struct.iter_unpack("=QQqq", events.raw)}
        return [told[number] for number in range(taken)]

    def close(self):
        call("syscall", _IO_DESTROY, self._context)


class Uring:
    """io_uring_setup(2) and io_uring_enter(2); see linux/io_uring.h."""
    NOP, FSYNC, READ, WRITE, FALLOCATE, OPENAT, SPLICE = 0, 3, 22, 23, 17, 18, 30
    _ENTRIES = 32

    def __init__(self):
        told = bytearray(120)
        self.fd = call("syscall", _URING_SETUP, self._ENTRIES, ctypes.c_void_p(address(told)))
        fields = struct.unpack("=30I", told)
        self._sq = dict(zip(("head", "tail", "mask", "entries", "flags", "dropped", "array"),
                            fields[10:17]))
        self._cq = dict(zip(("head", "tail", "mask", "entries", "overflow", "cqes"), fields[20:26]))
        count = fields[0]
        self._sq_ring = mmap.mmap(self.fd, self._sq["array"] + 4 * count, offset=0)
        self._cq_ring = mmap.mmap(self.fd, self._cq["cqes"] + 16 * fields[1], offset=0x8000000)
        self._entries = mmap.mmap(self.fd, 64 * count, offset=0x10000000)

    def run(self, *calls):
        """Submits (opcode, fd, buffer, offset) together; returns their results, or -errno.
        For FALLOCATE the buffer is (mode, size)."""
        tail = self._read(self._sq_ring, self._sq["tail"])
        mask = self._read(self._sq_ring, self._sq["mask"])
        for number, (code, fd, buffer, offset) in enumerate(calls):
            slot = (tail + number) & mask
            if code == self.FALLOCATE:
                where, size = buffer[1], buffer[0]
            else:
                where, size = (address(buffer), len(buffer)) if buffer else (0, 0)
            struct.pack_into("=BBHiQQIIQ24x", self._entries, 64 * slot, code, 0, 0, fd, offset,
                             where, size, 0, number)
            struct.pack_into("=I", self._sq_ring, self._sq["array"] + 4 * slot, slot)
        struct.pack_into("=I", self._sq_ring, self._sq["tail"], (tail + len(calls)) & 0xffffffff)
        call("syscall", _URING_ENTER, self.fd, len(calls), len(calls), 1, None, 0)
        return self._results(len(calls))

    def _results(self, count):
        told, head = {}, self._read(self._cq_ring, self._cq["head"])
        mask = self._read(self._cq_ring, self._cq["mask"])
        for place in range(head, head + count):
            number, result, _ = struct.unpack_from("=QiI", self._cq_ring,
                                                   self._cq["cqes"] + 16 * (place & mask))
            told[number] = result
        struct.pack_into("=I", self._cq_ring, self._cq["head"], (head + count) & 0xffffffff)
        return [told[number] for number in range(count)]

    @staticmethod
    def _read(ring, offset):
        return struct.unpack_from("=I", ring, offset)[0]
