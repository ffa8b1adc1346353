"""Operations on the content of files, including mappings."""
import errno
import fcntl
import mmap
import os
import stat
import zlib

import kernel
from hands import PAGE, READ_MOST, content, operation
from looks import WINDOW

FARTHEST = 12 << 40  # ext4's files end at 16 TiB


@operation("s.")
def read(hands, slot, size):
    fd = hands.fd(slot)
    if slot in hands.streams:
        return None  # ext4 adds the size to a position that is a hash
    if slot not in hands.direct:
        return _told(os.read(fd, size))
    at = os.lseek(fd, os.lseek(fd, 0, os.SEEK_CUR) & -PAGE, os.SEEK_SET)
    view = memoryview(hands.buffer)[:_whole_pages(size)]
    return at, _told(bytes(view[:os.readv(fd, [view])]))


@operation("s..")
def pread(hands, slot, offset, size):
    fd = hands.fd(slot)
    if slot not in hands.direct:
        return _told(os.pread(fd, size, offset))
    view = memoryview(hands.buffer)[:_whole_pages(size)]
    return _told(bytes(view[:os.preadv(fd, [view], offset & -PAGE)]))


@operation("s..")
def write(hands, slot, seed, size):
    fd = hands.fd(slot)
    if slot not in hands.direct:
        return os.write(fd, content(seed, size)), os.lseek(fd, 0, os.SEEK_CUR)
    os.lseek(fd, os.lseek(fd, 0, os.SEEK_CUR) & -PAGE, os.SEEK_SET)
    return os.writev(fd, [_aligned(hands, seed, size)])


@operation("s...")
def pwrite(hands, slot, seed, size, offset):
    fd = hands.fd(slot)
    if slot not in hands.direct:
        return os.pwrite(fd, content(seed, size), offset)
    return os.pwritev(fd, [_aligned(hands, seed, size)], offset & -PAGE)


@operation("s....")
def writev(hands, slot, seed, sizes, offset, flags):
    """Calls pwritev2; offset -1 means the current position."""
    parts = [content(seed + number, size) for number, size in enumerate(sizes)]
    fd = hands.fd(slot)
    return os.pwritev(fd, parts, offset, flags) if slot not in hands.direct else None


@operation("s..")
def seek(hands, slot, offset, whence):
    fd = hands.fd(slot)
    # Each filesystem has its own positions in folders; see seek_entries.
    seen = os.fstat(fd)
    if stat.S_ISDIR(seen.st_mode) or (whence == os.SEEK_END and seen.st_size + offset > FARTHEST):
        return None
    if whence == os.SEEK_CUR and os.lseek(fd, 0, os.SEEK_CUR) + offset > FARTHEST:
        return None
    return os.lseek(fd, offset, whence)


@operation("p.")
def truncate(hands, path, size):
    path, _ = hands.at(path)
    os.truncate(path, size)


@operation("s.")
def ftruncate(hands, slot, size):
    os.ftruncate(hands.fd(slot), size)


@operation("s...")
def fallocate(hands, slot, mode, offset, size):
    """Returns whether the blocks of the file are enough for a range that was reserved."""
    kernel.fallocate(hands.fd(slot), mode, offset, size)
    return bool(mode & kernel.PUNCH) or os.fstat(hands.fd(slot)).st_blocks * 512 >= size


@operation("s.")
def find_data(hands, slot, offset):
    """Checks SEEK_DATA: the filesystem chooses where data begins, but only zeros may be skipped."""
    return _passing(hands, slot, offset, os.SEEK_DATA)


@operation("s.")
def find_hole(hands, slot, offset):
    """Checks SEEK_HOLE: only zeros may follow up to the next data; the end is a hole."""
    return _passing(hands, slot, offset, os.SEEK_HOLE)


@operation("ss....")
def copy_range(hands, slot, other, size, offset, target, by):
    """Calls copy_file_range or sendfile; offset None means the current position."""
    source, sink = hands.fd(slot), hands.fd(other)
    if hands.direct & {slot, other} or hands.streams.keys() & {slot, other}:
        return None
    if by == "sendfile":
        return os.sendfile(sink, source, offset, size)
    return os.copy_file_range(source, sink, size, offset, target)


@operation("s")
def fsync(hands, slot):
    os.fsync(hands.fd(slot))


@operation("s")
def fdatasync(hands, slot):
    os.fdatasync(hands.fd(slot))


@operation("s")
def syncfs(hands, slot):
    kernel.syncfs(hands.fd(slot))


@operation("s...")
def advise(hands, slot, offset, size, advice):
    os.posix_fadvise(hands.fd(slot), offset, size, advice)


# --- mappings; a slot has at most one, which outlives the close of the slot ---

@operation("s....")
def map_(hands, slot, offset, size, shared, writable):
    fd = hands.fd(slot)
    # For other kinds Python or the device would not map the file.
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        return None
    protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
    kind = mmap.MAP_SHARED if shared else mmap.MAP_PRIVATE
    size = min(size, os.fstat(fd).st_size - offset)
    if size <= 0:
        return "empty"
    mapped = mmap.mmap(fd, size, kind, protection, offset=offset)
    hands.unmap(slot)
    hands.maps[slot] = mapped, (offset, writable, os.dup(fd))
    return size


@operation(".")
def unmap(hands, slot):
    hands.unmap(slot)


@operation(".")
def mapped_read(hands, slot):
    mapped, usable, _, _ = _usable(hands, slot)
    return _told(mapped[:usable])


@operation("m....")
def mapped_write(hands, slot, seed, share, size, sync):
    mapped, usable, writable, fd = _usable(hands, slot)
    if not writable or not usable:
        return None
    start = usable * share // 100
    size = min(size, usable - start)
    mapped[start:start + size] = content(seed, size)
    if sync:
        mapped.flush()
    return size, _told(os.pread(fd, size, hands.maps[slot][1][0] + start) if _readable(fd) else b"")


@operation("m")
def msync(hands, slot):
    mapped, _, _, _ = _usable(hands, slot)
    mapped.flush()


# --- shared functions ---

def _told(data):
    return len(data), zlib.crc32(data)


def _whole_pages(size):
    return max(min(size, READ_MOST) & -PAGE, PAGE)


def _aligned(hands, seed, size):
    size = _whole_pages(size)
    view = memoryview(hands.buffer)[:size]
    view[:] = content(seed, size)
    return view


def _passing(hands, slot, offset, whence):
    fd = hands.fd(slot)
    if stat.S_ISDIR(os.fstat(fd).st_mode):
        return None
    stood, size = os.lseek(fd, 0, os.SEEK_CUR), os.fstat(fd).st_size
    try:
        found = os.lseek(fd, offset, whence)
        end = found
        if whence == os.SEEK_HOLE:
            offset, end = found, _next_data(fd, found, size)
    except OSError as problem:
        if problem.errno != errno.ENXIO or offset >= size or offset < 0 or whence == os.SEEK_HOLE:
            raise
        end = size  # without more data, only zeros may follow up to the end
    finally:
        os.lseek(fd, stood, os.SEEK_SET)
    if not offset <= end <= size:
        return f"{end} is not from {offset} to {size}"
    if not _readable(fd):
        return "passed"
    passed = os.pread(fd, min(end - offset, 8 * WINDOW), offset)
    return "data passed over" if passed.strip(b"\0") else "passed"


def _next_data(fd, offset, size):
    try:
        return os.lseek(fd, offset, os.SEEK_DATA)
    except OSError:
        return size


def _usable(hands, slot):
    """Returns the mapping, its bytes inside the file, whether it is writable, and a descriptor."""
    if slot not in hands.maps:
        raise OSError(22, "nothing mapped in this slot")
    mapped, (offset, writable, fd) = hands.maps[slot]
    # Beyond the end an access raises SIGBUS, or the bytes are undefined.
    return mapped, max(min(len(mapped), os.fstat(fd).st_size - offset), 0), writable, fd


def _readable(fd):
    """Returns whether pread works at any offset."""
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    return flags & os.O_ACCMODE != os.O_WRONLY and not flags & os.O_DIRECT
