"""The open files of a worker, and the table of its operations.

names.py, data.py and attributes.py fill TABLE. A row is a function and the kinds of its arguments:
`s` is a slot that holds an open file; `p` a path, or (slot, path) relative to an open folder; `m` a
slot that holds a mapping; `.` anything else. The objects of slots and paths are inspected after the
operation. Paths are relative to the folder of the run. A function returns a value that must be
equal on both sides.
"""
import mmap
import os
import random

import kernel

TABLE = {}
PAGE = 4096
READ_MOST = 128 << 10
_dice = random.Random(1)
_POOL = _dice.randbytes(1 << 20)
_EASY = _dice.randbytes(61) * (1 << 15)


def content(seed, size):
    """Returns `size` bytes chosen by a number: zeros, compressible or incompressible ones."""
    kind, start = seed % 5, seed * 7919 % (512 << 10)
    if kind == 0:
        return bytes(size)
    return (_EASY if kind == 1 else _POOL)[start:start + size]


def operation(touches):
    def enter(function):
        TABLE[function.__name__.rstrip("_")] = (function, touches)
        return function
    return enter


class Hands:
    """The open files, mappings and directory streams of one worker."""

    def __init__(self):
        self.slots, self.direct, self.maps, self.streams = {}, set(), {}, {}
        self.buffer = mmap.mmap(-1, READ_MOST)  # aligned, as O_DIRECT requires

    def let_go(self):
        for slot in list(self.maps):
            self.unmap(slot)
        for fd in self.slots.values():
            os.close(fd)
        for kept in (self.slots, self.direct, self.maps, self.streams):
            kept.clear()

    def unmap(self, slot):
        if slot in self.maps:
            mapped, (_, _, fd) = self.maps.pop(slot)
            mapped.close()
            os.close(fd)

    def fd(self, slot):
        if slot not in self.slots:
            raise OSError(9, "nothing in this slot")
        return self.slots[slot]

    def keep(self, slot, fd):
        self.drop(slot)
        self.slots[slot] = fd

    def drop(self, slot):
        self.streams.pop(slot, None)
        self.direct.discard(slot)
        if slot in self.slots:
            os.close(self.slots.pop(slot))

    def at(self, path):
        """Returns (path, folder) for functions with dir_fd."""
        return (path, None) if isinstance(path, bytes) else (path[1], self.fd(path[0]))

    def raw(self, path):
        path, folder = self.at(path)
        return kernel.AT_FDCWD if folder is None else folder, path
