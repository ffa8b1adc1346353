"""Filesystems that are wrong on purpose, to show that it is noticed: --lie NAME makes the second
side one of them. Each is a mistake that real filesystems made."""
import errno
import os

from operations import TABLE


def _instead(name, around):
    function, touches = TABLE[name]
    return {name: (lambda hands, *arguments: around(function, hands, *arguments), touches)}


def _drops_a_byte(function, hands, slot, seed, size, offset):
    """The last byte of a write across the end of a page is lost, unless another one follows."""
    done = function(hands, slot, seed, size, offset)
    if offset >= 0 and offset // 4096 != (offset + size) // 4096 and slot not in hands.direct:
        os.pwrite(hands.fd(slot), b"\0", offset + done - 1)
    return done


def _other_errno(function, hands, path):
    try:
        return function(hands, path)
    except OSError as problem:
        if problem.errno == errno.ENOTEMPTY:
            raise OSError(errno.EEXIST, "what POSIX allows as well") from None
        raise


def _leaves_links(function, hands, old, new, flags):
    """A rename between two links of one file, which does nothing, takes the old one away."""
    function(hands, old, new, flags)
    if flags or not isinstance(old, bytes) or not isinstance(new, bytes):
        return
    if os.path.lexists(old) and old != new:
        os.unlink(old)


def _still_time(function, hands, path, mode):
    """chmod leaves the time of the folder's last change, but tells the content's instead."""
    function(hands, path, mode)
    os.utime(hands.at(path)[0])


LIES = {
    "byte": _instead("pwrite", _drops_a_byte),
    "errno": _instead("rmdir", _other_errno),
    "links": _instead("rename", _leaves_links),
    "times": _instead("chmod", _still_time),
}
