"""Filesystems that are wrong on purpose, to show that errors are detected: --lie NAME makes the
second side one of them. Real filesystems have made each of these mistakes."""
import errno
import os

from operations import TABLE


def _instead(name, around):
    function, touches = TABLE[name]
    return {name: (lambda hands, *arguments: around(function, hands, *arguments), touches)}


def _drops_a_byte(function, hands, slot, seed, size, offset):
    """Loses the last byte of a write across a page boundary, unless another write follows."""
    done = function(hands, slot, seed, size, offset)
    if offset >= 0 and offset // 4096 != (offset + size) // 4096 and slot not in hands.direct:
        os.pwrite(hands.fd(slot), b"\0", offset + done - 1)
    return done


def _other_errno(function, hands, path):
    try:
        return function(hands, path)
    except OSError as problem:
        if problem.errno == errno.ENOTEMPTY:
            raise OSError(errno.EEXIST, "POSIX allows either") from None
        raise


def _leaves_links(function, hands, old, new, flags):
    """Removes the old name in a rename between two links of one file, which should do nothing."""
    function(hands, old, new, flags)
    if flags or not isinstance(old, bytes) or not isinstance(new, bytes):
        return
    if os.path.lexists(old) and old != new:
        os.unlink(old)


def _still_time(function, hands, path, mode):
    """Makes chmod update the times of the content, too."""
    function(hands, path, mode)
    os.utime(hands.at(path)[0])


LIES = {
    "byte": _instead("pwrite", _drops_a_byte),
    "errno": _instead("rmdir", _other_errno),
    "links": _instead("rename", _leaves_links),
    "times": _instead("chmod", _still_time),
}
