"""Compares the answers of the two sides.

These may differ, and are not compared:
- inode numbers (only which names belong to one file), device numbers, the order of entries
- the size of a folder, and block counts, which only must be large enough after fallocate
- access times, except right after they were set, where ext4 returns that time: the kernel does not
  report reads from its cache to FUSE
- the values of times, unless they were set. Compared is whether they changed since the last look,
  and that they do not go back. A file written through a mapping has its final times after a sync.
  For fifos nothing is compared: the kernel does not report their traffic to FUSE.
- the exact results of SEEK_DATA and SEEK_HOLE (data.py checks the ranges that they skip)
- the errno for immutable and append-only files: the kernel does not know these flags of a FUSE
  filesystem, so that its own checks come first. access(2) does not check them, and FUSE gets no
  request if there is nothing to copy to such a file
- setgid without group execution, after a write from outside the group: the kernel does not tell
  FUSE who is outside
- names in a directory stream that were touched while it was read
These are never tried (invent.py): xattrs, link counts and files larger than ext4 supports; times
later than the year 2262; COLLAPSE_RANGE and INSERT_RANGE, which the kernel refuses on FUSE;
RENAME_WHITEOUT, which only overlayfs needs; seeks in folders to positions where no entry begins.
Unaligned O_DIRECT: ext4 refuses it and FUSE accepts it, so that whatever works on ext4 works on
FUSE. A chown to -1, -1 by users: for a setuid program of somebody else it is EPERM, but FUSE sees
an empty change, as before writes; and by root for a program with capabilities, for the same reason.
Removing security.capability from an append-only file: the kernel sends FUSE the same request before
a write.
"""
import errno
import os
import stat

TOLD = ("mode", "links", "uid", "gid", "size", "device")
IDENTITY, _, ACCESSED, MODIFIED, CHANGED, BORN = range(6)
SECOND = 1_000_000_000
IMMUTABLE, APPEND_ONLY = 0x10, 0x20  # FS_IOC_SETFLAGS
NOW, OMIT = (1 << 30) - 1, (1 << 30) - 2  # nanoseconds of utimensat(2) with a special meaning


def is_now(time):
    """Whether the time is a present one; invent.py sets only others."""
    return 1_500_000_000 * SECOND < time < 3_000_000_000 * SECOND


class Pair:
    """A file that exists on both sides, and its times on each at the last look."""
    __slots__ = ("partner", "times", "wild")

    def __init__(self, partner):
        self.partner, self.times, self.wild = partner, None, False


class Judge:
    """Compares every operation of a run, in order."""

    def __init__(self):
        self._pairs = {}  # identity on the first side -> Pair
        self._count = 0
        self._streams = {}  # (worker, slot) -> the operation that started it
        self._protected = False  # immutable or append-only files may exist
        self._touched = {}  # name -> the last operation on it
        self._targets, self._created = set(), -1  # names in targets of symlinks; the last O_CREAT

    def difference(self, operation, a, b):
        """Returns None, or (kind, sentence)."""
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
        elif number == 0 and name in ("fsync", "fdatasync"):  # msync may concern other pages
            pair.wild = False
        if was_wild or pair.wild:
            return None
        if a[MODIFIED] != b[MODIFIED] and not (is_now(a[MODIFIED]) and is_now(b[MODIFIED])):
            return "mtime", f"mtime {_time(a[MODIFIED])} and {_time(b[MODIFIED])}"
        return self._moved(before, a, b) if before else None

    @staticmethod
    def _accessed(operation, a, b):
        """Compares the access time after an operation that set it."""
        name, *rest = operation[2], *operation[4:]
        if name not in ("utimens", "futimens") or a[0] or OMIT in rest[0][0]:
            return None
        if not a[2] or isinstance(a[2][0], int) or (name == "utimens" and rest[1]):
            return None
        one, other = a[2][0][1][ACCESSED], b[2][0][1][ACCESSED]
        if one == other or is_now(one) and (is_now(other) or NOW not in rest[0][0]):
            return None  # the path lookup may be an access of it
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

    # --- directory streams ---

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
