#!/usr/bin/python3 -B
"""POSIX.1e ACLs: the access they grant, their relation to mode and umask, and inheritance."""
import os
import stat
import struct
import subprocess
from errno import EACCES, EINVAL, ENODATA, EOPNOTSUPP, EPERM

from shared.cases import case, equal, fails, get, main, put, true
from shared.people import ALICE, BOB, STAFF, Person, by

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
KINDS = {"u": (1, 2), "g": (4, 8), "m": (16, 0), "o": (32, 0)}


def acl(text):
    """Encodes "u::rwx,u:7:rw-,g::r-x,m::rwx,o::---"; see linux/posix_acl_xattr.h."""
    value = struct.pack("<I", 2)
    for entry in text.split(","):
        kind, who, letters = entry.split(":")
        tag = KINDS[kind][1 if who else 0]
        bits = sum(bit for bit, letter in zip((4, 2, 1), letters) if letter != "-")
        value += struct.pack("<HHI", tag, bits, int(who) if who else 0xffffffff)
    return value


def text(value):
    """Decodes a value that acl() encodes."""
    equal(struct.unpack_from("<I", value)[0], 2, "the version")
    entries = []
    for tag, bits, who in struct.iter_unpack("<HHI", value[4:]):
        kind = next(kind for kind, tags in KINDS.items() if tag in tags)
        letters = "".join(c if bits & bit else "-" for bit, c in zip((4, 2, 1), "rwx"))
        entries.append(f"{kind}:{who if who != 0xffffffff else ''}:{letters}")
    return ",".join(entries)


def set_acl(path, entries, name=ACCESS):
    os.setxattr(path, name, acl(entries))


def acl_of(path, name=ACCESS):
    return text(os.getxattr(path, name))


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    true(done.returncode == 0, f"{' '.join(command)}: {done.stderr}{done.stdout}")
    return done.stdout


def touch(path, bits=0o666, umask=0o022):
    os.umask(umask)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, bits))


ALICE_MAY = f"u::rw-,u:{ALICE.uid}:rw-,g::---,m::rw-,o::---"
STAFF_MAY = f"u::rw-,g::---,g:{STAFF}:r--,m::rw-,o::---"


# --- access ---

@case("an ACL grants access to one user whom the mode denies it, and to nobody else")
def _():
    put("f", b"text", 0o600)
    set_acl("f", ALICE_MAY)

    equal(by(ALICE, get, "f"), b"text")
    by(ALICE, put, "f", b"more")
    fails(EACCES, by, BOB, get, "f")


@case("an ACL denies access to one user whom the mode grants it")
def _():
    put("f", b"text", 0o644)
    set_acl("f", f"u::rw-,u:{ALICE.uid}:---,g::r--,m::r--,o::r--")

    fails(EACCES, by, ALICE, get, "f")
    equal(by(BOB, get, "f"), b"text")


@case("a group's entry applies to its members, including supplementary ones")
def _():
    put("f", b"text", 0o600)
    set_acl("f", STAFF_MAY)

    equal(by(BOB.of(STAFF), get, "f"), b"text")
    fails(EACCES, by, BOB.of(STAFF), put, "f", b"x")
    fails(EACCES, by, BOB, get, "f")


@case("a member of a group with an entry never gets the others' permissions")
def _():
    put("f", b"text", 0o604)
    set_acl("f", f"u::rw-,g::---,g:{STAFF}:---,m::rwx,o::r--")

    fails(EACCES, by, BOB.of(STAFF), get, "f")
    equal(by(BOB, get, "f"), b"text")


@case("the mask limits users, groups and the owning group, not the owner and others")
def _():
    put("f", b"text", 0o600)
    os.chown("f", ALICE.uid, STAFF)
    set_acl("f", f"u::rw-,u:{BOB.uid}:rw-,g::rw-,m::r--,o::rw-")

    by(ALICE, put, "f", b"text")
    equal(by(BOB, get, "f"), b"text")
    fails(EACCES, by, BOB, put, "f", b"x")
    fails(EACCES, by, BOB._replace(uid=64003).of(STAFF), put, "f", b"x")
    by(BOB._replace(uid=64003), put, "f", b"others may")


@case("the ACL of a directory decides who may look up, list and create")
def _():
    os.mkdir("d", 0o700)
    put("d/f", b"text", 0o644)
    set_acl("d", f"u::rwx,u:{ALICE.uid}:rwx,u:{BOB.uid}:--x,g::---,m::rwx,o::---")

    equal(by(ALICE, os.listdir, "d"), ["f"])
    by(ALICE, put, "d/new")
    equal(by(BOB, get, "d/f"), b"text")
    fails(EACCES, by, BOB, os.listdir, "d")
    fails(EACCES, by, BOB, put, "d/other")


@case("a change of an ACL takes effect at once, for granted and for denied access")
def _():
    put("f", b"text", 0o600)
    for _ in range(3):
        set_acl("f", ALICE_MAY)
        equal(by(ALICE, get, "f"), b"text")
        set_acl("f", ALICE_MAY.replace(f"{ALICE.uid}:rw-", f"{ALICE.uid}:---"))
        fails(EACCES, by, ALICE, get, "f")
        os.removexattr("f", ACCESS)
        os.chmod("f", 0o604)
        equal(by(ALICE, get, "f"), b"text")
        os.chmod("f", 0o600)


# --- ACL and mode ---

@case("an access ACL sets the mode, and an ACL equivalent to a mode is not kept")
def _():
    put("f", mode=0o644)
    set_acl("f", "u::rwx,g::r-x,o::--x")

    equal(mode("f"), 0o751)
    fails(ENODATA, os.getxattr, "f", ACCESS)
    equal(os.listxattr("f"), [])


@case("the group bits of the mode show the mask")
def _():
    put("f", mode=0o644)
    set_acl("f", f"u::rw-,u:{ALICE.uid}:rwx,g::r--,m::rw-,o::---")

    equal(mode("f"), 0o660)
    equal(acl_of("f"), f"u::rw-,u:{ALICE.uid}:rwx,g::r--,m::rw-,o::---")


@case("chmod changes the mask and keeps the owning group's entry")
def _():
    put("f", mode=0o644)
    set_acl("f", f"u::rw-,u:{ALICE.uid}:rwx,g::r--,m::rwx,o::---")
    os.chmod("f", 0o641)

    equal(acl_of("f"), f"u::rw-,u:{ALICE.uid}:rwx,g::r--,m::r--,o::--x")
    equal(mode("f"), 0o641)
    fails(EACCES, by, ALICE, put, "f", b"x")


@case("setuid, setgid and sticky bits survive the setting of an ACL")
def _():
    put("f", mode=0o644)
    os.chmod("f", 0o6755)
    set_acl("f", ALICE_MAY)

    equal(mode("f"), 0o6660)


@case("setting an ACL as an owner outside the file's group clears the setgid bit")
def _():
    put("f", mode=0o644)
    os.chown("f", ALICE.uid, STAFF)
    os.chmod("f", 0o2755)
    by(ALICE, set_acl, "f", f"u::rwx,u:{BOB.uid}:r-x,g::r-x,m::r-x,o::---")
    equal(mode("f"), 0o750)

    os.chmod("f", 0o2755)
    by(ALICE.of(STAFF), set_acl, "f", f"u::rwx,u:{BOB.uid}:r-x,g::r-x,m::r-x,o::---")
    equal(mode("f"), 0o2750)


@case("removing an ACL leaves the mode as it is shown, and removing none is no error")
def _():
    put("f", mode=0o600)
    set_acl("f", ALICE_MAY)
    os.removexattr("f", ACCESS)

    equal(mode("f"), 0o660)
    fails(ENODATA, os.getxattr, "f", ACCESS)
    fails(EACCES, by, ALICE, get, "f")
    os.removexattr("f", ACCESS)
    os.removexattr("f", DEFAULT)


@case("setting an ACL changes the ctime")
def _():
    put("f")
    before = os.stat("f")
    while os.stat("f").st_ctime_ns == before.st_ctime_ns:
        set_acl("f", ALICE_MAY)
    equal(os.stat("f").st_mtime_ns, before.st_mtime_ns)


# --- errors ---

@case("an invalid ACL fails with EINVAL")
def _():
    put("f", mode=0o644)
    for entries in ("u::rw-,g::r--", "u::rw-,o::r--", f"u::rw-,u:{ALICE.uid}:r--,g::r--,o::r--",
                    "u::rw-,u::rw-,g::r--,o::r--", "u::rw-,o::r--,g::r--"):
        fails(EINVAL, set_acl, "f", entries)
    fails(EINVAL, os.setxattr, "f", ACCESS, b"x")
    fails(EINVAL, os.setxattr, "f", ACCESS, acl(ALICE_MAY)[:-1])
    fails(EOPNOTSUPP, os.setxattr, "f", ACCESS, b"\1" + acl(ALICE_MAY)[1:])
    equal(mode("f"), 0o644)
    equal(os.listxattr("f"), [])


@case("a value without entries removes the ACL")
def _():
    os.mkdir("d")
    for name in (ACCESS, DEFAULT):
        for nothing in (b"", b"\2\0\0\0"):
            set_acl("d", f"u::rwx,u:{ALICE.uid}:r-x,g::r-x,m::r-x,o::r-x", name)
            os.setxattr("d", name, nothing)
            fails(ENODATA, os.getxattr, "d", name)


@case("only directories accept default ACLs")
def _():
    put("f")
    os.mkfifo("p")
    for path in ("f", "p"):
        fails(EACCES, set_acl, path, ALICE_MAY, DEFAULT)
        fails((ENODATA, EACCES), os.getxattr, path, DEFAULT)


@case("symlinks have no ACLs")
def _():
    os.symlink("nowhere", "l")
    for name in (ACCESS, DEFAULT):
        fails(EOPNOTSUPP, os.setxattr, "l", name, acl(ALICE_MAY), follow_symlinks=False)
        fails(EOPNOTSUPP, os.getxattr, "l", name, follow_symlinks=False)


@case("only the owner may change an ACL, and everybody may read it")
def _():
    put("f", mode=0o666)
    set_acl("f", f"u::rw-,u:{ALICE.uid}:rwx,g::rw-,m::rwx,o::rw-")

    fails(EPERM, by, ALICE, set_acl, "f", ALICE_MAY)
    fails(EPERM, by, ALICE, os.removexattr, "f", ACCESS)
    equal(by(BOB, acl_of, "f"), acl_of("f"))


# --- inheritance ---

FOLDER_DEFAULT = f"u::rwx,u:{ALICE.uid}:rwx,g::r-x,m::rwx,o::---"
INHERITED = f"u::rw-,u:{ALICE.uid}:rwx,g::r-x,m::rw-,o::---"  # for a file created with 0666


@case("a default ACL replaces the umask")
def _():
    os.mkdir("d")
    set_acl("d", FOLDER_DEFAULT, DEFAULT)
    equal(mode("d"), 0o755)

    by(None, touch, "d/f", 0o666, 0o077)
    equal(mode("d/f"), 0o660)
    equal(acl_of("d/f"), f"u::rw-,u:{ALICE.uid}:rwx,g::r-x,m::rw-,o::---")
    fails(ENODATA, os.getxattr, "d/f", DEFAULT)


@case("without a default ACL the umask applies")
def _():
    os.mkdir("d", 0o777)
    set_acl("d", f"u::rwx,u:{ALICE.uid}:rwx,g::r-x,m::rwx,o::---")

    by(None, touch, "d/f", 0o666, 0o027)
    equal(mode("d/f"), 0o640)
    equal(os.listxattr("d/f"), [])


@case("directories inherit the default ACL as their own default ACL")
def _():
    os.mkdir("d")
    set_acl("d", FOLDER_DEFAULT, DEFAULT)
    os.umask(0o077)
    os.mkdir("d/e", 0o750)
    os.mkdir("d/e/f", 0o777)

    equal(mode("d/e"), 0o750)
    equal(acl_of("d/e"), f"u::rwx,u:{ALICE.uid}:rwx,g::r-x,m::r-x,o::---")
    equal(acl_of("d/e", DEFAULT), FOLDER_DEFAULT)
    equal(acl_of("d/e/f"), FOLDER_DEFAULT)
    equal(acl_of("d/e/f", DEFAULT), FOLDER_DEFAULT)


@case("a default ACL equivalent to a mode only sets modes")
def _():
    os.mkdir("d")
    set_acl("d", "u::rwx,g::r-x,o::---", DEFAULT)
    os.umask(0o077)
    os.close(os.open("d/f", os.O_CREAT | os.O_WRONLY, 0o666))
    os.mkdir("d/e")

    equal(mode("d/f"), 0o640)
    equal(os.listxattr("d/f"), [])
    equal(mode("d/e"), 0o750)
    equal(os.listxattr("d/e"), [DEFAULT])


@case("FIFOs, sockets and devices inherit an ACL; symlinks do not")
def _():
    os.mkdir("d")
    set_acl("d", FOLDER_DEFAULT, DEFAULT)
    os.umask(0o077)
    os.mknod("d/p", stat.S_IFIFO | 0o666)
    os.mknod("d/s", stat.S_IFSOCK | 0o666)
    os.mknod("d/c", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.symlink("x", "d/l")
    for path in ("d/p", "d/s", "d/c"):
        equal(mode(path), 0o660, path)
        equal(acl_of(path), INHERITED, path)
    equal(mode("d/l"), 0o777)


@case("an O_TMPFILE inherits from the directory that it is made in")
def _():
    os.mkdir("d")
    set_acl("d", FOLDER_DEFAULT, DEFAULT)
    os.umask(0o077)
    fd = os.open("d", os.O_TMPFILE | os.O_RDWR, 0o666)

    equal(stat.S_IMODE(os.fstat(fd).st_mode), 0o660)
    equal(text(os.getxattr(fd, ACCESS)), INHERITED)


@case("a setgid directory with a default ACL passes on its group and its ACL")
def _():
    os.mkdir("d")
    os.chown("d", 0, STAFF)
    os.chmod("d", 0o2777)
    set_acl("d", f"u::rwx,g::rwx,g:{STAFF}:rwx,m::rwx,o::rwx", DEFAULT)
    by(ALICE, os.mkdir, "d/e")
    by(ALICE, touch, "d/f")

    equal((os.stat("d/e").st_uid, os.stat("d/e").st_gid), (ALICE.uid, STAFF))
    equal(mode("d/e"), 0o2777)
    equal(mode("d/f"), 0o666)
    equal(os.stat("d/f").st_gid, STAFF)


# --- tools ---

@case("setfacl and getfacl agree")
def _():
    os.mkdir("d", 0o750)
    run("setfacl", "-m", f"u:{ALICE.uid}:rw,g:{STAFF}:x", "d")
    run("setfacl", "-d", "-m", f"u:{BOB.uid}:r", "d")
    shown = run("getfacl", "-cn", "d").split()

    equal(sorted(shown), sorted(["user::rwx", f"user:{ALICE.uid}:rw-", "group::r-x",
                                 f"group:{STAFF}:--x", "mask::rwx", "other::---",
                                 "default:user::rwx", f"default:user:{BOB.uid}:r--",
                                 "default:group::r-x", "default:mask::r-x", "default:other::---"]))
    run("setfacl", "-b", "d")
    equal(os.listxattr("d"), [])
    equal(mode("d"), 0o750)


@case("cp -a and rsync -A keep ACLs")
def _():
    os.mkdir("a")
    set_acl("a", FOLDER_DEFAULT, DEFAULT)
    put("a/f", b"text")
    os.mkdir("a/d")
    set_acl("a/f", ALICE_MAY)
    wanted = run("getfacl", "-cnR", "a")
    run("cp", "-a", "a", "b")
    run("rsync", "-aA", "a/", "c/")

    equal(run("getfacl", "-cnR", "b").replace("# file: b", "# file: a"), wanted)
    equal(run("getfacl", "-cnR", "c").replace("# file: c", "# file: a"), wanted)


# --- large ACLs, and trees ---

@case("a hundred named users get their own permissions")
def _():
    put("f")
    letters = ("---", "r--", "-w-", "--x", "rw-", "r-x", "rwx")
    named = ",".join(f"u:{90000 + n}:{letters[n % 7]}" for n in range(100))
    set_acl("f", f"u::rwx,{named},g::---,m::rwx,o::---")
    equal(acl_of("f"), f"u::rwx,{named},g::---,m::rwx,o::---")
    equal(by(Person(90015, 1), os.access, "f", os.R_OK), True, "reading by user 15")
    equal(by(Person(90014, 1), os.access, "f", os.R_OK), False, "reading by user 14")
    equal(by(Person(90099, 1), os.access, "f", os.R_OK), True, "reading by user 99")


@case("listxattr lists each ACL once, and none of a file without one")
def _():
    os.mkdir("d")
    put("f")
    for name in (ACCESS, DEFAULT):
        set_acl("d", "u::rwx,u:7:rw-,g::r-x,m::rwx,o::---", name)
    os.setxattr("d", "user.x", b"")
    equal(sorted(os.listxattr("d")), [ACCESS, DEFAULT, "user.x"])
    equal(os.listxattr("f"), [])


@case("rename and link into a directory inherit nothing")
def _():
    os.mkdir("d")
    set_acl("d", "u::rwx,u:7:rw-,g::r-x,m::rwx,o::---", DEFAULT)
    put("a")
    put("b")
    os.rename("a", "d/a")
    os.link("b", "d/b")
    equal((os.listxattr("d/a"), os.listxattr("d/b")), ([], []))


@case("setfacl -R and getfacl -R apply to a tree, and setfacl --restore restores it")
def _():
    os.makedirs("d/e")
    put("d/e/f")
    run("setfacl", "-R", "-m", f"u:{BOB.uid}:rwX", "d")
    saved = run("getfacl", "-R", "-n", "d")
    run("setfacl", "-R", "-b", "d")
    equal(os.listxattr("d/e/f"), [])
    put("saved", saved.encode())
    run("setfacl", "--restore=saved")
    equal(run("getfacl", "-R", "-n", "d"), saved)


main()
