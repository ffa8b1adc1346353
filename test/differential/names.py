"""Operations on names: files, folders, links, and directory streams."""
import fcntl
import os
import stat

import kernel
from hands import READ_MOST, operation


@operation("sp..")
def open_(hands, slot, path, flags, mode):
    path, folder = hands.at(path)
    if flags & os.O_APPEND:
        flags &= ~os.O_DIRECT  # the end of a file is not aligned
    hands.drop(slot)
    # Without O_NONBLOCK, opening a fifo would wait for its other end.
    fd = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY, mode, dir_fd=folder)
    hands.keep(slot, fd)
    if flags & os.O_DIRECT and not flags & os.O_PATH:
        hands.direct.add(slot)
    return fcntl.fcntl(fd, fcntl.F_GETFL)


@operation("s")
def close(hands, slot):
    hands.fd(slot)
    hands.drop(slot)


@operation("ss")
def dup(hands, slot, other):
    if stat.S_ISDIR(os.fstat(hands.fd(slot)).st_mode):
        return  # two streams would share one position
    fd, direct = os.dup(hands.fd(slot)), slot in hands.direct
    hands.keep(other, fd)
    if direct:
        hands.direct.add(other)


@operation("s.")
def appending(hands, slot, on):
    fd = hands.fd(slot)
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    if slot not in hands.direct:
        fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_APPEND if on else flags & ~os.O_APPEND)


@operation("p.")
def mkdir(hands, path, mode):
    path, folder = hands.at(path)
    os.mkdir(path, mode, dir_fd=folder)


@operation("p")
def rmdir(hands, path):
    path, folder = hands.at(path)
    os.rmdir(path, dir_fd=folder)


@operation("p")
def unlink(hands, path):
    path, folder = hands.at(path)
    os.unlink(path, dir_fd=folder)


@operation("pp.")
def rename(hands, old, new, flags):
    kernel.renameat2(*hands.raw(old), *hands.raw(new), flags)


@operation("pp.")
def link(hands, old, new, follow):
    kernel.link(*hands.raw(old), *hands.raw(new), follow)


@operation("sp")
def link_open(hands, slot, new):
    kernel.link_fd(hands.fd(slot), *hands.raw(new))


@operation(".p")
def symlink(hands, target, path):
    path, folder = hands.at(path)
    os.symlink(target, path, dir_fd=folder)


@operation("p")
def readlink(hands, path):
    path, folder = hands.at(path)
    return os.readlink(path, dir_fd=folder)


@operation("p..")
def mknod(hands, path, mode, device):
    path, folder = hands.at(path)
    os.mknod(path, mode, os.makedev(*device), dir_fd=folder)


@operation("p.")
def look(hands, path, follow):
    path, folder = hands.at(path)
    seen = os.stat(path, dir_fd=folder, follow_symlinks=follow)
    return seen.st_mode, seen.st_nlink, seen.st_uid, seen.st_gid


@operation("p..")
def access(hands, path, mode, effective):
    path, folder = hands.at(path)
    return os.access(path, mode, dir_fd=folder, effective_ids=effective)


@operation(".")
def umask(hands, mask):
    return os.umask(mask)


@operation("p...")
def fill(hands, path, prefix, count, mode):
    """Creates many entries."""
    path, _ = hands.at(path)
    made = 0
    for number in range(count):
        try:
            os.close(os.open(b"%s/%s%d" % (path, prefix, number),
                             os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK, mode))
            made += 1
        except OSError:
            pass
    return made


@operation("p...")
def thin(hands, path, prefix, count, step):
    """Removes every `step`th of these entries."""
    path, _ = hands.at(path)
    gone = 0
    for number in range(0, count, step):
        try:
            os.unlink(b"%s/%s%d" % (path, prefix, number))
            gone += 1
        except OSError:
            pass
    return gone


# --- directory streams; their entries are compared when they end ---

@operation("s..")
def entries(hands, slot, size, times):
    told = hands.streams.setdefault(slot, [])
    fd = hands.fd(slot)
    for _ in range(times):
        found = kernel.getdents(fd, size)
        told += found
        if not found:
            break


@operation("s.")
def seek_entries(hands, slot, share):
    """Seeks back to an earlier position from telldir: `share` percent of the way."""
    told, fd = hands.streams.setdefault(slot, []), hands.fd(slot)
    if not os.fstat(fd).st_nlink:
        return  # ext4 refuses to seek in a removed folder
    del told[len(told) * share // 100:]
    os.lseek(fd, told[-1][2] if told else 0, os.SEEK_SET)


@operation("s")
def last_entries(hands, slot):
    """Returns all names and kinds since the start of the stream, and rewinds it."""
    fd = hands.fd(slot)
    told = hands.streams.pop(slot, [])
    while found := kernel.getdents(fd, READ_MOST // 2):
        told += found
    os.lseek(fd, 0, os.SEEK_SET)
    return sorted((name, kind) for name, kind, _ in told)
