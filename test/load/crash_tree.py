"""Random changes of a tree of names, made in memory and in a folder."""
import os
import random
import stat


class Tree:
    """The tree after n steps depends only on the seed."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.steps = 0
        self.folders = {""}
        self.files = {}    # path -> number of the file
        self.modes = {}    # number of a file -> its mode
        self.targets = {}  # path of a symlink -> target

    def step(self, folder=None):
        """Makes one change, without a folder only in the model."""
        kinds = [self._make, self._make, self._mkdir, self._move, self._move_folder, self._link,
                 self._symlink, self._chmod, self._remove, self._rmdir]
        call = None
        while call is None:
            call = self.dice.choice(kinds)()
        self.steps += 1
        if folder is not None:
            what, *args = call
            what(*[f"{folder}/{arg}" if isinstance(arg, Name) else arg for arg in args])

    def _new_name(self):
        return Name(f"{self._folder()}/n{self.dice.randrange(1000)}")

    def _folder(self):
        return self.dice.choice(sorted(self.folders))

    def _file(self):
        return Name(self.dice.choice(sorted(self.files))) if self.files else None

    def _is_free(self, path):
        return path not in self.files and path not in self.folders and path not in self.targets

    def _make(self):
        path = self._new_name()
        if not self._is_free(path) or len(self.files) > 300:
            return None
        self.files[path] = self.steps
        self.modes[self.steps] = 0o600
        return os.mknod, path, stat.S_IFREG | 0o600

    def _mkdir(self):
        path = self._new_name()
        if not self._is_free(path) or len(self.folders) > 20:
            return None
        self.folders.add(path)
        return os.mkdir, path, 0o755

    def _move(self):
        old, new = self._file(), self.dice.choice([self._new_name(), self._file()])
        # A rename onto another name of the same file does nothing.
        if old is None or new in self.folders or new in self.targets or (
                self.files.get(new) == self.files[old]):
            return None
        self.files[new] = self.files.pop(old)
        return os.rename, old, new

    def _move_folder(self):
        old, new = self._folder(), self._new_name()
        if not old or not self._is_free(new) or new.startswith(old + "/"):
            return None
        for paths in (self.files, self.targets):
            for path in [path for path in paths if path.startswith(old + "/")]:
                paths[new + path[len(old):]] = paths.pop(path)
        self.folders = {new + path[len(old):] if path == old or path.startswith(old + "/") else path
                        for path in self.folders}
        return os.rename, Name(old), new

    def _link(self):
        old, new = self._file(), self._new_name()
        if old is None or not self._is_free(new):
            return None
        self.files[new] = self.files[old]
        return os.link, old, new

    def _symlink(self):
        path = self._new_name()
        if not self._is_free(path) or len(self.targets) > 100:
            return None
        self.targets[path] = f"target of step {self.steps}"
        return os.symlink, self.targets[path], path

    def _chmod(self):
        path, mode = self._file(), self.dice.randrange(0o1000)
        if path is None:
            return None
        self.modes[self.files[path]] = mode
        return os.chmod, path, mode

    def _remove(self):
        paths = sorted(self.files) + sorted(self.targets)
        if not paths:
            return None
        path = Name(self.dice.choice(paths))
        for known in (self.files, self.targets):
            known.pop(path, None)
        return os.unlink, path

    def _rmdir(self):
        path = self._folder()
        if not path or any(other.startswith(path + "/")
                           for known in (self.files, self.targets, self.folders)
                           for other in known):
            return None
        self.folders.discard(path)
        return os.rmdir, Name(path)

    def told(self):
        """Returns path -> description of every name, by the attributes that are visible."""
        numbers = list(self.files.values())
        first = {}
        for path in sorted(self.files):
            first.setdefault(self.files[path], path)
        seen = {path: f"file {self.modes[number]:o} {numbers.count(number)} {first[number]}"
                for path, number in self.files.items()}
        seen |= {path: f"link {target}" for path, target in self.targets.items()}
        return seen | {path: "folder" for path in self.folders if path}

    @staticmethod
    def found(folder):
        """Returns the same for a real folder."""
        seen, inodes = {}, {}
        for path, names, files in os.walk(folder):
            for name in names + files:
                whole = f"{path}/{name}"
                relative, info = whole[len(folder):], os.lstat(whole)
                if stat.S_ISDIR(info.st_mode):
                    seen[relative] = "folder"
                elif stat.S_ISLNK(info.st_mode):
                    seen[relative] = f"link {os.readlink(whole)}"
                else:
                    inodes.setdefault(info.st_ino, []).append((relative, info))
        for names in inodes.values():
            first = min(relative for relative, _ in names)
            for relative, info in names:
                mode = stat.S_IMODE(info.st_mode)
                seen[relative] = f"file {mode:o} {info.st_nlink} {first}"
        return seen


class Name(str):
    """A path in the tree, as opposed to a symlink's target."""
