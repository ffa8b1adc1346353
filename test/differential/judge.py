"""Compares what the two sides answered.

What may differ, and so is not compared:
- inode numbers (which names are one file is), the filesystem's device number, the order of entries
- a folder's size, and the blocks that anything takes, but that they are enough after fallocate
- the time of an access, but right after it was set, where ext4 tells just that: of a read from the
  kernel's cache FUSE is not told
- the times themselves, unless they were set: compared is whether they moved since the last look,
  and that they do not go back. A file written by a mapping has its times when it was synced. Of
  fifos not even that: the kernel does not tell FUSE of what passes through them.
- where exactly SEEK_DATA and SEEK_HOLE stop (data.py looks at what they pass over)
- which errno tells that a file is immutable or append-only: FUSE's kernel side does not know it, so
  what it finds wrong comes first, and access(2) does not ask; nor does it ask FUSE when there is
  nothing to copy to one
- setgid of a file whose group may not execute it, after somebody outside the group wrote it: the
  kernel does not tell FUSE who is outside
- of a stream of entries, names that were touched while it was under way
Not asked at all (invent.py): xattrs larger than ext4 takes, more links than it takes, files larger
than it takes, times later than the year 2262, COLLAPSE_RANGE and INSERT_RANGE, which the kernel
refuses on FUSE, RENAME_WHITEOUT, which only overlayfs needs, seeks in folders to where no entry
began. O_DIRECT that is not aligned: ext4 refuses it, and FUSE takes it, so that what works there
works here. A chown to nobody and no group by users: of a setuid program that is not theirs it is
EPERM, but FUSE hears of a change of nothing, as before writes; and by root of one that has
capabilities, too, for the same reason. Taking security.capability away from
an append-only file: the kernel asks FUSE for that before it writes to one, too.
"""
import errno
import os
import stat

TOLD = ("mode", "links", "uid", "gid", "size", "device")
IDENTITY, _, ACCESSED, MODIFIED, CHANGED, BORN = range(6)
SECOND = 1_000_000_000
IMMUTABLE, APPEND_ONLY = 0x10, 0x20  # FS_IOC_SETFLAGS
NOW, OMIT = (1 << 30) - 1, (1 << 30) - 2  # nanoseconds of utimensat(2) that stand for no time


def is_now(time):
    """Of our days; what invent.py sets is of others."""
    return 1_500_000_000 * SECOND < time < 3_000_000_000 * SECOND


class Pair:
    """A file that both sides have, and its times on each at the last look."""
    __slots__ = ("partner", "times", "wild")

    def __init__(self, partner):
        self.partner, self.times, self.wild = partner, None, False


class Judge:
    """Sees every operation of a run once, in order."""

    def __init__(self):
        self._pairs = {}  # the first side's identity -> Pair
        self._count = 0
        self._streams = {}  # (worker, slot) -> when it started
        self._protected = False  # there may be immutable and append-only files
        self._touched = {}  # name -> when, last
        self._targets, self._created = set(), -1  # names that a link may lead to; last O_CREAT

    def difference(self, operation, a, b):
        """None, or (its kind, a sentence)."""
        self._note(operation)
        name = operation[2]
        if name == "tree":
            return self._tree(a[2], b[2])
        for answer in (a, b):
            if isinstance(answer[0], str):
                return "broken", f"{a[0]} and {b[0]}"
        if self._protected and (a[0] == errno.EPERM and b[0] or name == "access"):
            return None
        if self._protected and name == "copy_range" and a[0] == errno.EPERM and b[1] == 0:
            return None
        if a[0] != b[0]:
            return "errno", f"{_errno(a)} and {_errno(b)}"
        values = [self._stable(operation, answer[1]) for answer in (a, b)]
        if values[0] != values[1]:
            return "value", f"{_short(values[0])} and {_short(values[1])}"
        if len(a[2]) != len(b[2]):
            return "looks", f"{_short(a[2])} and {_short(b[2])}"
        for number, (one, other) in enumerate(zip(a[2], b[2])):
            found = self._look(name, number, one, other)
            if found:
                return found
        return self._accessed(operation, a, b)

    # --- looks ---

    def _look(self, name, number, a, b):
        if isinstance(a, int) or isinstance(b, int):
            return None if a == b else ("look", f"a look gives {_seen(a)} and {_seen(b)}")
        if a[0] != b[0]:
            for what, one, other in zip(TOLD, a[0], b[0]):
                if what == "mode" and one ^ other == stat.S_ISGID and not one & stat.S_IXGRP:
                    continue
                if one != other:
                    shown = oct if what == "mode" else str
                    return what, f"{what} {shown(one)} and {shown(other)}"
        found = not stat.S_ISFIFO(a[0][0]) and self._times(name, number, a[1], b[1])
        if found or a[2] == b[2]:
            return found or None
        if isinstance(a[2], int) or isinstance(b[2], int):
            return "look", f"a look into it gives {_short(a[2])} and {_short(b[2])}"
        what = "content" if a[2][0] != b[2][0] else "xattrs"
        if stat.S_ISDIR(a[0][0]) and what == "content":
            one, other = set(a[2][0]), set(b[2][0])
            return "entries", f"entries {_short(sorted(one - other))} here, " \
                              f"{_short(sorted(other - one))} there"
        return what, f"{what} {_short(a[2][what == 'xattrs'])} and {_short(b[2][what == 'xattrs'])}"

    def _times(self, name, number, a, b):
        pair = self._pairs.get(a[IDENTITY])
        if pair is None or pair.partner != b[IDENTITY]:
            pair = self._pairs[a[IDENTITY]] = Pair(b[IDENTITY])
        before, pair.times = pair.times, (a, b)
        was_wild = pair.wild
        if number == 0 and name == "mapped_write":
            pair.wild = True
        elif number == 0 and name in ("fsync", "fdatasync"):  # msync may be of other pages
            pair.wild = False
        if was_wild or pair.wild:
            return None
        if a[MODIFIED] != b[MODIFIED] and not (is_now(a[MODIFIED]) and is_now(b[MODIFIED])):
            return "mtime", f"mtime {_time(a[MODIFIED])} and {_time(b[MODIFIED])}"
        return self._moved(before, a, b) if before else None

    @staticmethod
    def _accessed(operation, a, b):
        """Of the time of access, whether it is what it was just set to."""
        name, *rest = operation[2], *operation[4:]
        if name not in ("utimens", "futimens") or a[0] or OMIT in rest[0][0]:
            return None
        if not a[2] or isinstance(a[2][0], int) or (name == "utimens" and rest[1]):
            return None
        one, other = a[2][0][1][ACCESSED], b[2][0][1][ACCESSED]
        if one == other or is_now(one) and (is_now(other) or NOW not in rest[0][0]):
            return None  # to get there may be an access of it
        return "atime", f"atime {_time(one)} and {_time(other)}"

    @staticmethod
    def _moved(before, a, b):
        for what, index in (("mtime", MODIFIED), ("ctime", CHANGED), ("birth time", BORN)):
            moved = [now[index] != then[index] for now, then in zip((a, b), before)]
            if moved[0] != moved[1]:
                return what, f"{what} moved: {moved[0]} and {moved[1]}"
            for now, then in zip((a, b), before):
                if now[index] < then[index] and is_now(now[index]) and is_now(then[index]):
                    return what, f"{what} went back from {_time(then[index])} to " \
                                 f"{_time(now[index])}"
        return None

    def _tree(self, a, b):
        for answer in (a, b):
            if isinstance(answer, str):
                return "broken", answer
        if [path for path, _ in a] != [path for path, _ in b]:
            one, other = {path for path, _ in a}, {path for path, _ in b}
            return "entries", f"{_short(sorted(one - other))} only here, " \
                              f"{_short(sorted(other - one))} only there"
        partners, back = {}, {}
        for (path, one), (_, other) in zip(a, b):
            found = self._look("tree", 1, one, other)
            if not found and not isinstance(one, int):
                here, there = one[1][IDENTITY], other[1][IDENTITY]
                if (partners.setdefault(here, there) != there or
                        back.setdefault(there, here) != here):
                    found = "identity", "a link to another file"
            if found:
                return found[0], f"{path}: {found[1]}"
        return None

    # --- streams of entries ---

    def _note(self, operation):
        self._count += 1
        worker, _, name, *arguments = operation
        if name == "set_flags" and arguments[1] & (IMMUTABLE | APPEND_ONLY):
            self._protected = True
        if name == "remount":
            for pair in self._pairs.values():
                pair.wild, pair.times = False, None if pair.wild else pair.times
        if name in ("entries", "seek_entries"):
            self._streams.setdefault((worker, arguments[0]), self._count)
        if name in ("fill", "thin"):
            for number in range(arguments[2]):
                self._touched[b"%s%d" % (arguments[1], number)] = self._count
        for value in arguments:
            if isinstance(value, (tuple, list)):
                value = value[-1]
            if isinstance(value, bytes):
                for part in value.split(b"/"):
                    self._touched[part] = self._count
        if name == "symlink":
            self._targets.update(arguments[0].split(b"/"))
        elif name == "open" and arguments[2] & os.O_CREAT:
            self._created = self._count

    def _stable(self, operation, value):
        worker, _, name, *arguments = operation
        if name == "look" and value and not value[0] & stat.S_IXGRP:
            return value[0] & ~stat.S_ISGID, *value[1:]
        if name != "last_entries" or value is None:
            return value
        start = self._streams.get((worker, arguments[0]), self._count)
        return [(entry, kind) for entry, kind in value
                if self._touched.get(entry, -1) < start and
                not (self._created >= start and entry in self._targets)]


def _errno(answer):
    return os.strerror(answer[0]) if answer[0] else f"success ({_short(answer[1])})"


def _seen(look):
    return os.strerror(look) if isinstance(look, int) else "something"


def _time(time):
    return f"{time // SECOND}.{time % SECOND:09}"


def _short(value):
    text = repr(value)
    return text if len(text) < 300 else text[:300] + "…"
