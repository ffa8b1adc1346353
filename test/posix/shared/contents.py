"""The content of a file: its extents, and the same bytes in memory."""
import os
from errno import ENXIO

from shared.cases import equal, pread_all, true
from shared.linux import FALLOC_FL_ZERO_RANGE, fallocate, punch


def extents(fd):
    """Returns [(begin, end)] of the data, as SEEK_DATA and SEEK_HOLE report it."""
    found, place, size = [], 0, os.fstat(fd).st_size
    while place < size:
        try:
            begin = os.lseek(fd, place, os.SEEK_DATA)
        except OSError as problem:
            equal(problem.errno, ENXIO, "the errno of SEEK_DATA without data")
            break
        place = os.lseek(fd, begin, os.SEEK_HOLE)
        true(place > begin, "SEEK_HOLE stands still in data")
        found.append((begin, place))
    return found


class Mirror:
    """A file, and the bytes that it must have, in memory."""

    def __init__(self, fd):
        self.fd = fd
        self.data = bytearray()

    def write(self, offset, piece):
        os.pwrite(self.fd, piece, offset)
        self._put(offset, piece)

    def truncate(self, size):
        os.ftruncate(self.fd, size)
        self._grow(size)
        del self.data[size:]

    def punch(self, offset, size):
        punch(self.fd, offset, size)
        self._put(offset, bytes(len(self.data[offset:offset + size])))

    def zero(self, offset, size):
        fallocate(self.fd, FALLOC_FL_ZERO_RANGE, offset, size)
        self._put(offset, bytes(size))

    def check(self, when, offset=0, size=1 << 20):
        equal(pread_all(self.fd, size, offset) == self.data[offset:offset + size], True,
              f"equality at {when}")

    def _grow(self, size):
        self.data.extend(bytes(max(0, size - len(self.data))))

    def _put(self, offset, piece):
        if piece:
            self._grow(offset)
            self.data[offset:offset + len(piece)] = piece
