"""Operations on attributes, extended attributes and locks."""
import fcntl
import os

import kernel
from hands import operation

SOME_FLAGS = 0xf0  # immutable, append only, no dump, no access time


@operation("p.")
def chmod(hands, path, mode):
    path, folder = hands.at(path)
    os.chmod(path, mode, dir_fd=folder)


@operation("s.")
def fchmod(hands, slot, mode):
    os.fchmod(hands.fd(slot), mode)


@operation("p...")
def chown(hands, path, uid, gid, follow):
    path, folder = hands.at(path)
    os.chown(path, uid, gid, dir_fd=folder, follow_symlinks=follow)


@operation("s..")
def fchown(hands, slot, uid, gid):
    os.fchown(hands.fd(slot), uid, gid)


@operation("p..")
def utimens(hands, path, times, follow):
    kernel.utimens(*hands.raw(path), times, follow)


@operation("s.")
def futimens(hands, slot, times):
    kernel.utimens(hands.fd(slot), None, times, True)


@operation("p....")
def setxattr(hands, path, name, value, flags, follow):
    os.setxattr(_path_only(hands, path), name, value, flags, follow_symlinks=follow)


@operation("s...")
def fsetxattr(hands, slot, name, value, flags):
    os.setxattr(hands.fd(slot), name, value, flags)


@operation("p..")
def getxattr(hands, path, name, follow):
    return os.getxattr(_path_only(hands, path), name, follow_symlinks=follow)


@operation("p.")
def listxattr(hands, path, follow):
    return sorted(os.listxattr(_path_only(hands, path), follow_symlinks=follow))


@operation("p..")
def removexattr(hands, path, name, follow):
    os.removexattr(_path_only(hands, path), name, follow_symlinks=follow)


@operation("s")
def get_flags(hands, slot):
    return kernel.get_flags(hands.fd(slot)) & SOME_FLAGS


@operation("s.")
def set_flags(hands, slot, flags):
    # The other flags may describe how the filesystem stores the file.
    fd = hands.fd(slot)
    kernel.set_flags(fd, kernel.get_flags(fd) & ~SOME_FLAGS | flags)


# --- locks; none of the calls waits ---

@operation("s....")
def lock(hands, slot, owner, kind, start, size):
    command = fcntl.F_SETLK if owner == "process" else kernel.F_OFD_SETLK
    kernel.lock(hands.fd(slot), command, kind, start, size)


@operation("s....")
def test_lock(hands, slot, owner, kind, start, size):
    command = fcntl.F_GETLK if owner == "process" else kernel.F_OFD_GETLK
    kind, start, size, pid = kernel.lock(hands.fd(slot), command, kind, start, size)
    return (kind,) if kind == fcntl.F_UNLCK else (kind, start, size, pid == -1)


@operation("s.")
def flock(hands, slot, kind):
    fcntl.flock(hands.fd(slot), kind | fcntl.LOCK_NB)


def _path_only(hands, path):
    path, _ = hands.at(path)
    return path
