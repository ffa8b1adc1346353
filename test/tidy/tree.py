"""A source tree as the checks see it."""
import os
import re
import subprocess
from pathlib import Path


class Tree:
    """The files of a folder that belong to the project, by path from its root."""

    def __init__(self, root):
        self.root = Path(root)
        self.paths = sorted(self._list())
        self._texts = {}

    def _list(self):
        # A file that is neither tracked nor ignored counts too: it is about to be committed.
        if (self.root / ".git").exists():
            listed = subprocess.run(
                ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
                cwd=self.root, check=True, capture_output=True, text=True)
            return {path for path in listed.stdout.split("\0") if (self.root / path).is_file()}
        return {os.path.relpath(os.path.join(folder, name), self.root)
                for folder, _, names in os.walk(self.root) for name in names}

    def text(self, path):
        if path not in self._texts:
            file = self.root / path
            self._texts[path] = file.read_text(errors="replace") if file.is_file() else ""
        return self._texts[path]

    def lines(self, path):
        return self.text(path).splitlines()

    def sources(self, *folders):
        """Returns the C++ files below `folders`, or all."""
        below = tuple(folder + "/" for folder in folders)
        return [path for path in self.paths
                if path.endswith((".cc", ".h")) and (not below or path.startswith(below))]

    def scripts(self, *languages):
        """Returns the files whose first line or ending shows that they are bash or python."""
        return [path for path in self.paths if self._language(path) in languages]

    def _language(self, path):
        first = self.lines(path)[0] if self.text(path) else ""
        if path.endswith(".py") or re.match(r"#!.*python", first):
            return "python"
        if path.endswith(".sh") or re.match(r"#!.*\b(ba)?sh\b", first):
            return "bash"
        return None

    def includes(self, path):
        """Yields (line number, "lib/x/y.h" or <fmt/format.h> with brackets) of each #include."""
        for number, line in enumerate(self.lines(path), 1):
            match = re.match(r'\s*#\s*include\s*("[^"]+"|<[^>]+>)', line)
            if match:
                yield number, match[1]

    def modules(self):
        """Returns the modules of lib/, bottom to top."""
        return strings_of("modules", self.text("lib/meson.build"))

    def code(self, path):
        """Returns a C++ file without comments and contents of literals, with the same lines."""
        return LITERAL_OR_COMMENT.sub(_blank, self.text(path))


LITERAL_OR_COMMENT = re.compile(
    r'R"([^()\\ ]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])+\'|'
    r'//[^\n]*|/\*.*?\*/',
    re.DOTALL)


def _blank(match):
    lines = "\n" * match[0].count("\n")
    return lines if match[0].startswith("/") else f'""{lines}'


def strings_of(name, text):
    """Returns the strings of `name = ['a', 'b']` in a meson.build."""
    match = re.search(rf"^{name}\s*=\s*\[(.*?)\]", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"'([^']*)'", match[1]) if match else []
