"""Invents operations. They depend only on the random source and on the trees at their last
comparison, not on time."""
import fcntl
import os
import stat

from looks import CONTENT, FAR, PARENT, STAT, XATTRS
from sides import PEOPLE

SLOTS = 5
LOOKS = (0, STAT, STAT | PARENT, STAT | CONTENT | XATTRS, STAT | CONTENT | XATTRS | PARENT)
NAMES = [b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"A", b"\xff\xfe", b" ", b"\n", b"*", b"-rf",
         b"...", b".hidden", "é".encode(), "e\u0301".encode(), b"n" * 255, b"\x01\x7f"]
ODD_PATHS = [b"", b".", b"./", b"..", b"a/", b"a/.", b"a/..", b"b/", b"c//d", b"d/./e", b"n" * 256,
             b"./" * 2047 + b"a", b"./" * 2048 + b"a", b"a" + b"/b" * 60]
TARGETS = [b".", b"..", b"a", b"b", b"./c", b"../d", b"e/", b"nothing", b"", b"/b", b"/c/d/e",
           b"x" * 4095, b"x" * 4096, b"./" * 2047 + b"a"]
MODES = [0o644, 0o666, 0o600, 0o755, 0o777, 0o777, 0o700, 0, 0o444, 0o222, 0o111, 0o1777, 0o2775,
         0o2755, 0o4755, 0o6777, 0o4711, 0o7777]
XATTR_NAMES = [b"user.a", b"user.b", b"user.long" + b"n" * 120, b"trusted.t", b"security.s",
               b"security.capability"]
ODD_XATTR_NAMES = [b"user.", b"a", b"system.s", b"user." + b"n" * 251]
NOW, OMIT = (0, (1 << 30) - 1), (0, (1 << 30) - 2)
TIMES = [NOW, OMIT, (0, 0), (1, 500_000_000), (1_000_000_000, 1),
         (4_000_000_000, 999_999_999), (9_000_000_000, 7), (77, 1_000_000_000)]
BEFORE_1970 = [(-1, 999_999_999), (-1 << 31, 0), (-62, 62)]
DEVICES = [(0, 0), (1, 3), (1, 5), (511, 1048575)]  # the last device does not exist
ALL = []  # (family, feature, weight, function)


def inventor(family, weight, feature=None):
    def enter(function):
        ALL.append((family, feature, weight, function))
        return function
    return enter


FAMILIES = ("names", "data", "attributes")


def features():
    return sorted({row[1] for row in ALL if row[1]} | {"before1970", "oddxattr"})


class Inventor:
    """The profile is one of FAMILIES, whose operations are then more frequent, or "all"."""

    def __init__(self, dice, profile, without):
        self.dice = dice
        self.protects = self.chance(0.25)  # makes immutable files
        self.capable = self.chance(0.4)  # makes files with capabilities
        # On FUSE the kernel maps append-only files, which it refuses elsewhere, and removes a
        # missing ACL from an immutable file, which changes nothing.
        if self.protects:
            without = without | {"mmap", "acl"}
        rows = [row for row in ALL if row[1] not in without]
        self._functions = [row[3] for row in rows]
        self._weights = [row[2] * (8 if row[0] == profile else 1) for row in rows]
        self.without = without
        self.names = dice.sample(NAMES, dice.randint(5, len(NAMES)))
        self.learn([])

    def learn(self, tree):
        """Takes over the actual tree: [(path from ".", look)]."""
        self.folders, self.paths = [b""], []
        for path, look in tree[1:]:
            if not isinstance(look, int):
                self.paths.append(path[2:])
                if stat.S_ISDIR(look[0][0]):
                    self.folders.append(path[2:])
        self.open = {}  # (worker, slot) -> is a folder

    def operations(self, count):
        made = []
        while len(made) < count:
            worker = self.dice.choice((0, 0, 0, 1, 1, 2, 2, 3, 3, 4))
            for _ in range(min(int(self.dice.expovariate(0.15)) + 1, count - len(made))):
                self.worker = worker
                function = self.dice.choices(self._functions, self._weights)[0]
                name, *arguments = function(self)
                what = self.dice.choice(LOOKS)
                if name in ("mapped_write", "msync", "fsync", "fdatasync"):
                    what |= STAT
                made.append((worker, what, name, *arguments))
        return made

    # --- arguments ---

    def one_of(self, values):
        return values[int(self.dice.random() * len(values))]

    def chance(self, share):
        return self.dice.random() < share

    def folder(self):
        return self.one_of(self.folders[-40:]) if self.chance(0.8) else b""

    def new_path(self, folder=False):
        """Returns a path that mostly does not exist yet."""
        if self.chance(0.04):
            return self.one_of(ODD_PATHS)
        path = os.path.join(self.folder(), self.one_of(self.names))
        if len(path) < 1500:
            self.paths.append(path)
            if folder:
                self.folders.append(path)
        if self.chance(0.04):
            slot = self.slot(True)
            return slot, self.one_of(self.names)
        return path

    def path(self):
        """Returns a path that mostly exists."""
        if not self.paths or self.chance(0.12):
            return self.new_path()
        path = self.one_of(self.paths if self.chance(0.3) else self.paths[-60:])
        if self.chance(0.04):
            return path + self.one_of((b"/", b"/.", b"/..", b"/" + self.one_of(self.names)))
        return path

    def plain(self):
        """Returns a path for calls that are not relative to an open folder."""
        path = self.path()
        return path if isinstance(path, bytes) else path[1]

    def slot(self, folder=False):
        mine = [slot for (worker, slot), kind in self.open.items()
                if worker == self.worker and kind == folder]
        return self.one_of(mine) if mine and self.chance(0.95) else self.dice.randrange(SLOTS)

    def opened(self, folder):
        slot = self.dice.randrange(SLOTS)
        self.open[self.worker, slot] = folder
        return slot

    def size(self):
        size = int(2 ** self.dice.uniform(0, 14))
        if self.chance(0.1):
            size = int(2 ** self.dice.uniform(14, 17.5))
        return (size + 4095) & -4096 if self.chance(0.3) else size

    def offset(self):
        if self.chance(0.06):
            return max(self.one_of(FAR) + self.one_of((0, -1, 1, -5000, 4096, 100)), -1)
        offset = int(2 ** self.dice.uniform(0, 17)) - 1
        return offset & -4096 if self.chance(0.4) else offset

    def owner(self):
        """Returns (-1, -1) only for root: other users may not do that to a setuid program, but FUSE
        sees an empty change; for a program with capabilities FUSE sees the request that precedes a
        write."""
        if not self.capable and PEOPLE[self.worker][0] == 0 and self.chance(0.1):
            return -1, -1
        return self.one_of((0, 1001, 1002, 3000)), self.one_of((-1, 0, 1001, 1002, 2000, 3000))

    def file_mode(self):
        return self.one_of(MODES) & ~stat.S_ISGID

    def times(self):
        known = TIMES if "before1970" in self.without or self.chance(0.8) else BEFORE_1970
        return self.one_of(known), self.one_of(TIMES)

    def xattr(self):
        """Returns the name of an extended attribute."""
        odd = "oddxattr" not in self.without and self.chance(0.1)
        some = XATTR_NAMES if self.capable else XATTR_NAMES[:-1]
        return self.one_of(ODD_XATTR_NAMES if odd else some)

    def seed(self):
        return self.dice.randrange(1 << 20)

    def locked(self):
        return (self.slot(), self.one_of(("process", "open file")),
                self.one_of((fcntl.F_RDLCK, fcntl.F_WRLCK, fcntl.F_UNLCK)),
                self.dice.randrange(12) * 10, self.one_of((0, 1, 10, 25, 60)))
