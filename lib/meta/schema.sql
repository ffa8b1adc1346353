-- The metadata of one volume. Times are nanoseconds since 1970; 64-bit unsigned numbers are stored
-- as the signed number of the same bits. `since` is the time of the row's last change.
--
-- SQLite stores zeros, ones and NULLs without any bytes. So an inode keeps its other times as
-- differences from its birth, and `since` as the difference from its last change.

CREATE TABLE volume(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE inode(
    ino INTEGER PRIMARY KEY, mode INTEGER, uid INTEGER, gid INTEGER, nlink INTEGER, size INTEGER,
    used INTEGER, btime INTEGER, atime INTEGER, mtime INTEGER, ctime INTEGER, rdev INTEGER,
    parent INTEGER, flags INTEGER, state INTEGER, since INTEGER);

-- `hash` orders a directory (rows.h: name_hash, position_of); `kind` is S_IFMT of the inode's mode
-- >> 12. The fifth format adds `slot`, which distinguishes the names of one group; NULL is 0.
CREATE TABLE dentry(
    parent INTEGER, hash INTEGER, name TEXT, ino INTEGER, kind INTEGER, since INTEGER,
    PRIMARY KEY(parent, hash, name)) WITHOUT ROWID;

-- Unwritten extents (wire/types.h) have 0 in all columns that refer to a segment. The fifth format
-- adds `form`, a FrameForm, and `chunks`; NULL is an empty list.
CREATE TABLE extent(
    ino INTEGER, idx INTEGER, seq INTEGER, off INTEGER, len INTEGER, skip INTEGER,
    segment INTEGER, pos INTEGER, stored INTEGER, sum INTEGER, since INTEGER,
    PRIMARY KEY(ino, idx, seq)) WITHOUT ROWID;

-- Extents of `ino` from block `idx` on with a seq below `seq` are dead, although their rows remain.
CREATE TABLE cut(ino INTEGER, idx INTEGER, seq INTEGER, PRIMARY KEY(ino, idx, seq)) WITHOUT ROWID;

-- `live` is the sum of `stored` over the extents that refer to the segment.
CREATE TABLE segment(
    id INTEGER PRIMARY KEY, session INTEGER, bytes INTEGER, live INTEGER, since INTEGER);
CREATE TABLE garbage(segment INTEGER PRIMARY KEY, due INTEGER NOT NULL);
CREATE INDEX garbage_by_due ON garbage(due, segment);

-- The data of a small file in pieces, id = ino * 32 + piece, because one row per file would leave a
-- third of each page empty. The fourth format adds `bytes` (load.cc), the size of the file, to the
-- first piece; it is 0 or NULL if the data is stored plain. The fifth adds `seq`, the version of
-- the data, also to the first piece; it is NULL in rows of older formats.
CREATE TABLE inline(id INTEGER PRIMARY KEY, data BLOB NOT NULL, since INTEGER);

CREATE TABLE xattr(
    ino INTEGER, name TEXT, value BLOB, since INTEGER, PRIMARY KEY(ino, name)) WITHOUT ROWID;
CREATE TABLE symlink(ino INTEGER PRIMARY KEY, target TEXT NOT NULL);

-- The sessions that keep an inode without a name alive.
CREATE TABLE orphan(ino INTEGER, session INTEGER, PRIMARY KEY(ino, session)) WITHOUT ROWID;

-- The second format adds squash_uid and squash_gid (load.cc), the fifth the hash of a secret.
CREATE TABLE session(id INTEGER PRIMARY KEY, client TEXT, read_only INTEGER, ended INTEGER);
-- Ids that a session may use for segments; unused counts those without a row in segment so far.
CREATE TABLE reserved(
    session INTEGER, first INTEGER, count INTEGER, unused INTEGER,
    PRIMARY KEY(session, first)) WITHOUT ROWID;
-- The replies to a session's last requests.
CREATE TABLE reply(
    session INTEGER, sequence INTEGER, outcome BLOB,
    PRIMARY KEY(session, sequence)) WITHOUT ROWID;

-- Dead versions of rows, valid in [since, until), which are kept for the volume's retention.
CREATE TABLE inode_history(
    ino INTEGER, until INTEGER, mode INTEGER, uid INTEGER, gid INTEGER, nlink INTEGER,
    size INTEGER, used INTEGER, btime INTEGER, atime INTEGER, mtime INTEGER, ctime INTEGER,
    rdev INTEGER, parent INTEGER, flags INTEGER, state INTEGER, since INTEGER,
    PRIMARY KEY(ino, until)) WITHOUT ROWID;
CREATE TABLE dentry_history(
    parent INTEGER, hash INTEGER, name TEXT, until INTEGER, ino INTEGER, kind INTEGER,
    since INTEGER, PRIMARY KEY(parent, hash, name, until)) WITHOUT ROWID;
CREATE TABLE extent_history(
    ino INTEGER, idx INTEGER, seq INTEGER, until INTEGER, off INTEGER, len INTEGER, skip INTEGER,
    segment INTEGER, pos INTEGER, stored INTEGER, sum INTEGER, since INTEGER,
    PRIMARY KEY(ino, idx, seq, until)) WITHOUT ROWID;
CREATE TABLE inline_history(
    id INTEGER, until INTEGER, data BLOB, since INTEGER, PRIMARY KEY(id, until)) WITHOUT ROWID;
CREATE TABLE xattr_history(
    ino INTEGER, name TEXT, until INTEGER, value BLOB, since INTEGER,
    PRIMARY KEY(ino, name, until)) WITHOUT ROWID;
