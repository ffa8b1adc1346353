"""Each check takes a Tree and returns its complaints: where, what is wrong, what instead."""
import ast
import re
import shutil
import subprocess
from pathlib import PurePosixPath

from tree import strings_of

FILE_LINES = 480  # a file of 500 could not take the next change
FUNCTION_LINES = 75  # "about 70"
COLUMNS = 100
CLANG_FORMAT = "clang-format-19"

# Every third-party header has one module that may include it; the others use that module.
GATES = {
    "fmt/": "base", "nlohmann/": "base", "spdlog/": "base",
    "uv.h": "loop",
    "openssl/": "crypto", "argon2.h": "crypto",
    "CLI/": "cli", "histedit.h": "cli",
    "yaml-cpp/": "conf",
    "pugixml.hpp": "cloud",
    "boost/beast": "http", "boost/asio": "http", "curl/": "http",
    "sqlite3.h": "db",
    "raft.h": "cluster",
    "zstd": "block", "lz4": "block", "xxhash.h": "block",
    "fuse": "fuse", "linux/fuse.h": "fuse",
}
# Headers of the C library and of the kernel.
SYSTEM_HEADERS = re.compile(
    r"(sys|linux|arpa|net|netinet|sanitizer)/.*\.h|"
    r"(dirent|dlfcn|endian|errno|execinfo|fcntl|features|fnmatch|getopt|grp|ifaddrs|inttypes|"
    r"limits|malloc|math|mntent|netdb|poll|pthread|pwd|sched|signal|spawn|stddef|stdint|stdio|"
    r"stdlib|string|strings|syslog|termios|time|unistd|utime|wordexp)\.h")


def check_layers(tree):
    """A file includes only what its folder uses, and a module uses only what stands below it."""
    reachable, complaints = _reachable(tree)
    for path in tree.sources("lib", "roles", "flexfs"):
        for number, include in tree.includes(path):
            wrong = _crosses(path, include.strip('"'), reachable) if include[0] == '"' else None
            if wrong:
                complaints.append(f"{path}:{number}: {wrong}")
    return complaints


def _reachable(tree):
    """The modules that each folder of lib and roles may include, and what it wrongly wants to."""
    reachable, complaints = {}, []
    folders = [f"lib/{module}" for module in tree.modules()]
    folders += [path.removesuffix("/meson.build") for path in tree.paths
                if re.fullmatch(r"roles/\w+/meson.build", path)]
    for folder in folders:
        reachable[folder] = {folder.split("/")[1]} if folder.startswith("lib/") else set()
        for used in strings_of("uses", tree.text(f"{folder}/meson.build")):
            if f"lib/{used}" not in reachable:
                complaints.append(f"{folder}/meson.build: uses '{used}', which does not stand "
                                  f"above it in lib/meson.build")
            reachable[folder] |= reachable.get(f"lib/{used}", set())
        tests = reachable[f"{folder} tests"] = set(reachable[folder])
        for used in strings_of("test_uses", tree.text(f"{folder}/meson.build")):
            tests |= reachable.get(f"lib/{used}", set())
    return reachable, complaints


def _crosses(path, include, reachable):
    """Why `path` may not include `include`; None when it may."""
    home, target = PurePosixPath(path).parts, PurePosixPath(include).parts
    if target[0] not in ("lib", "roles", "flexfs") or len(target) < 2:
        return f"include \"{include}\" from the root of the repository"
    if home[0] == "lib" and target[0] != "lib":
        return f"lib may not include {include}"
    if len(home) < 3 or len(target) < 3 or home[:2] == target[:2]:
        return None
    if target[0] == "roles":
        return f"no role includes another ({include})"
    folder = "/".join(home[:2])
    if path.endswith(("_test.cc", "_test.h")):
        folder += " tests"
    if target[1] not in reachable.get(folder, set()):
        return f"{folder} may not include {include}: what it uses does not lead to '{target[1]}'"
    return None


def check_gates(tree):
    """Third-party headers are included by their gate module alone, doctest's by tests."""
    complaints = []
    for path in tree.sources("lib", "roles", "flexfs", "test"):
        parts = PurePosixPath(path).parts
        home = parts[1] if parts[0] == "lib" and len(parts) > 2 else None
        for number, include in tree.includes(path):
            header = include[1:-1]
            if include[0] == '"' or re.fullmatch(r"[a-z_]+", header):
                continue
            if header.startswith("doctest/"):
                if not path.endswith(("_test.cc", "test_main.cc", "_test.h")):
                    complaints.append(f"{path}:{number}: <{header}> is for tests")
                continue
            gates = [gate for start, gate in GATES.items() if header.startswith(start)]
            if gates and home not in gates:
                complaints.append(f"{path}:{number}: <{header}> is lib/{gates[0]}'s alone")
            elif not gates and not SYSTEM_HEADERS.fullmatch(header):
                complaints.append(f"{path}:{number}: <{header}> has no gate; name one in "
                                  "test/tidy/checks.py")
    return complaints


def check_sizes(tree):
    """Files, functions and lines stay small enough to be held in the head."""
    complaints = []
    code = set(tree.sources()) | set(tree.scripts("bash", "python"))
    code |= {path for path in tree.paths if path.endswith("meson.build")}
    for path in sorted(code):
        lines = tree.lines(path)
        if len(lines) > FILE_LINES:
            complaints.append(f"{path}: {len(lines)} lines, more than {FILE_LINES}")
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS:
                complaints.append(f"{path}:{number}: {len(line)} columns, more than {COLUMNS}")
        for first, last in _functions(tree, path):
            if last - first + 1 > FUNCTION_LINES:
                complaints.append(f"{path}:{first}: a function of {last - first + 1} lines, more "
                                  f"than {FUNCTION_LINES}")
    return complaints


def _functions(tree, path):
    """(first line, last line) of each function; in C++ of each block with a parenthesis before."""
    if path in tree.scripts("python"):
        for node in ast.walk(ast.parse(tree.text(path))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield node.lineno, node.end_lineno
    elif path in tree.scripts("bash"):
        for match in re.finditer(r"^\w+\(\) \{\n.*?^\}", tree.text(path), re.MULTILINE | re.DOTALL):
            first = tree.text(path).count("\n", 0, match.start()) + 1
            yield first, first + match[0].count("\n")
    elif not path.endswith("meson.build"):
        yield from _blocks(tree.code(path))


def _blocks(code):
    code = re.sub(r"^[ \t]*#(?:.*\\\n)*.*", lambda macro: "\n" * macro[0].count("\n"), code,
                  flags=re.MULTILINE)
    opened, head, line = [], "", 1
    for char in code:
        if char == "{":
            plain = re.sub(r"template\s*<[^{]*?>\s*(?=\w)", "", head).strip()
            other = re.match(r"(namespace|class|struct|union|enum|extern)\b[^)]*$|.*=$", plain,
                             re.DOTALL)
            opened.append((line, "(" in head and not other))
        elif char == "}" and opened:
            first, is_function = opened.pop()
            if is_function:
                yield first, line
        head = "" if char in "{};" else head + char
        line += char == "\n"


def check_dead_files(tree):
    """Every source is built by a meson.build, every header included by somebody."""
    named, included = set(), set()
    for path in tree.paths:
        if path.endswith("meson.build"):
            folder, text = PurePosixPath(path).parent, re.sub(r"#.*", "", tree.text(path))
            named |= {str(folder / name) for name in re.findall(r"'([^']*)'", text)}
    for path in tree.sources():
        included |= {include.strip('"') for _, include in tree.includes(path)}
    complaints = []
    for path in tree.sources("lib", "roles", "flexfs", "test"):
        if path.endswith(".cc") and path not in named:
            complaints.append(f"{path}: no meson.build names it")
        if path.endswith(".h") and path not in included:
            complaints.append(f"{path}: nobody includes it")
    return complaints


def check_headers(tree):
    """Headers guard themselves; a source includes its own header first; folder = namespace."""
    complaints = []
    for path in tree.sources("lib", "roles", "flexfs"):
        parts, includes = PurePosixPath(path).parts, [name for _, name in tree.includes(path)]
        if path.endswith(".h") and "#pragma once" not in tree.lines(path):
            complaints.append(f"{path}: without #pragma once")
        own = f'{path.removesuffix(".cc").removesuffix("_test")}.h'
        if path.endswith(".cc") and own in tree.paths and includes[:1] != [f'"{own}"']:
            complaints.append(f"{path}: includes something before its own {own}")
        if parts[0] == "lib" and len(parts) > 2:
            wanted = "flexfs" if parts[1] == "base" else f"flexfs::{parts[1]}"
            spaces = re.findall(r"^\s*namespace ([\w:]+) \{", tree.code(path), re.MULTILINE)
            if spaces and not any((space + "::").startswith(wanted + "::") for space in spaces):
                complaints.append(f"{path}: namespace {spaces[0]} instead of {wanted}")
    return complaints


def check_format(tree):
    """clang-format has nothing to change."""
    if not shutil.which(CLANG_FORMAT):
        return [f"{CLANG_FORMAT} is missing: packaging/install-dependencies test"]
    paths = tree.sources()
    if not paths:
        return []
    run = subprocess.run([CLANG_FORMAT, "--dry-run", "--Werror", *paths],
                         cwd=tree.root, capture_output=True, text=True, check=False)
    first = {}
    for path, line in re.findall(r"^(\S+?):(\d+):\d+: error: code should be clang-formatted",
                                 run.stderr, re.MULTILINE):
        first.setdefault(path, line)
    complaints = [f"{path}:{line}: not as {CLANG_FORMAT} has it" for path, line in first.items()]
    return complaints or ([run.stderr.strip()] if run.returncode else [])


def check_roles(tree):
    """One row per role folder in roles/roles.h, and one folder per row."""
    folders = {PurePosixPath(path).parts[1] for path in tree.paths
               if re.match(r"roles/[^/]+/", path)}
    rows = set(re.findall(r'^\s*\{\s*"(\w+)",', tree.text("roles/roles.h"), re.MULTILINE))
    return ([f"roles/{name}/ has no row in roles/roles.h" for name in sorted(folders - rows)] +
            [f"roles/roles.h names '{name}', but there is no roles/{name}/"
             for name in sorted(rows - folders)])


def check_tree_picture(tree):
    """lib/README.md lists the modules of lib/meson.build, in its order."""
    picture = re.search(r"```\n(.*?)```", tree.text("lib/README.md"), re.DOTALL)
    listed = re.findall(r"^\s*(\w+)/\s", picture[1], re.MULTILINE) if picture else []
    listed = [name for name in listed if name != "lib"]
    if listed == tree.modules():
        return []
    return [f"lib/README.md pictures {' '.join(listed)}; "
            f"lib/meson.build has {' '.join(tree.modules())}"]


def check_module_folders(tree):
    """lib/ has exactly the folders that lib/meson.build names."""
    folders = {PurePosixPath(path).parts[1] for path in tree.paths if re.match(r"lib/\w+/", path)}
    return ([f"lib/{name}/ is not in lib/meson.build" for name in folders - set(tree.modules())] +
            [f"lib/meson.build names {name}, but there is no lib/{name}/"
             for name in set(tree.modules()) - folders])


# An absolute path of somebody's machine. Written so that this file does not name one itself.
MACHINE_PATH = re.compile(r"(?<![\w.}\)*~-])/(work|root|home/[a-z]\w*|tmp/(bench|build)\w*)/")


def check_machine_paths(tree):
    """Nothing speaks of the machine that it was written on."""
    return [f"{path}:{number}: a path of one machine: {match[0]}"
            for path in tree.paths for number, line in enumerate(tree.lines(path), 1)
            for match in [MACHINE_PATH.search(line)] if match]


def check_shell(tree):
    """Shell scripts parse, and shellcheck has no warning."""
    complaints = []
    for path in tree.scripts("bash"):
        run = subprocess.run(["bash", "-n", path], cwd=tree.root, capture_output=True, text=True,
                             check=False)
        complaints += run.stderr.splitlines()
    if shutil.which("shellcheck") and not complaints and tree.scripts("bash"):
        # Without unused and unassigned variables: test/lib.sh's are used in other files.
        run = subprocess.run(["shellcheck", "-f", "gcc", "-S", "warning", "-e", "SC2034,SC2154",
                              *tree.scripts("bash")],
                             cwd=tree.root, capture_output=True, text=True, check=False)
        complaints += run.stdout.splitlines()
    return complaints


def check_scripts(tree):
    """Python parses; the scripts that test/run looks for can be run."""
    complaints = []
    for path in tree.scripts("python"):
        try:
            ast.parse(tree.text(path))
        except SyntaxError as problem:
            complaints.append(f"{path}:{problem.lineno}: {problem.msg}")
    for path in tree.paths:
        is_case = re.match(r"test/(posix|scenario)/[^/]+\.(sh|py)$", path)
        if is_case and not (tree.root / path).stat().st_mode & 0o100:
            complaints.append(f"{path}: not executable, so test/run cannot run it")
    return complaints


def check_remarks(tree):
    """An admission of unfinished work tells why it is there."""
    admission = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!: (\S+ ){3}\S+)")
    return [f"{path}:{number}: {match[1]} without a reason"
            for path in tree.sources() + tree.scripts("bash", "python")
            if not path.startswith("test/tidy/")
            for number, line in enumerate(tree.lines(path), 1)
            for match in [admission.search(line)] if match]


def check_banners(tree):
    """A C++ file has no ruled headings: a part that needs one is a file of its own."""
    banner = re.compile(r"\s*(//|/\*) ?[-=*#]{2,}( |$)")
    return [f"{path}:{number}: a banner; write a sentence, or split the file"
            for path in tree.sources() for number, line in enumerate(tree.lines(path), 1)
            if banner.match(line)]


def check_sleeps(tree):
    """Unit tests take time as an argument."""
    sleeping = re.compile(r"\b(usleep|nanosleep|sleep_for|sleep_until)\s*\(|(?<!\w)::sleep\s*\(")
    return [f"{path}:{number}: a sleep in a unit test"
            for path in tree.sources() if path.endswith("_test.cc")
            for number, line in enumerate(tree.code(path).splitlines(), 1)
            if sleeping.search(line)]


PHRASES = re.compile(
    r"\bbut for\b|\b(tell|tells|told|telling) of\b|\bany more\b|\bno way out\b|\bso many\b",
    re.IGNORECASE)
HEADING = re.compile(r'\s*(//|#+|--|""") ?(Who|Whom|Whose|What) ')
CASE = re.compile(r'\b(TEST_CASE|EVERYWHERE|SUBCASE|case|check|check_fails)[ (]"'
                  r"(who|whom|whose|what|whoever|whatever) ")


def check_language(tree):
    """No phrase that style.md names; no comment and no test case begins with a relative clause."""
    complaints = []
    scripts = set(tree.scripts("bash", "python"))
    for path in tree.paths:
        prose = path.endswith((".cc", ".h", ".md", ".sql", ".build")) or path in scripts
        if not prose:
            continue
        before = ""
        for number, line in enumerate(tree.lines(path), 1):
            if match := PHRASES.search(line):
                complaints.append(f"{path}:{number}: '{match[0]}'")
            if (match := HEADING.match(line)) and not re.match(r"\s*(//|#+|--) ", before):
                complaints.append(f"{path}:{number}: a comment begins with '{match[2]}'")
            if match := CASE.search(line):
                complaints.append(f"{path}:{number}: a case begins with '{match[2]}'")
            before = line
    return complaints
