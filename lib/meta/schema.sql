-- The metadata of one volume. Times are nanoseconds since 1970; 64-bit unsigned numbers are stored
-- as the signed number of the same bits. `since` is when the row became as it is.
--
-- A zero, a one and a NULL take no room in a SQLite row. So an inode keeps its other times as
-- differences from its birth, and `since` as the difference from its last change.

CREATE TABLE volume(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE inode(
    ino INTEGER PRIMARY KEY, mode INTEGER, uid INTEGER, gid INTEGER, nlink INTEGER, size INTEGER,
    used INTEGER, btime INTEGER, atime INTEGER, mtime INTEGER, ctime INTEGER, rdev INTEGER,
    parent INTEGER, flags INTEGER, state INTEGER, since INTEGER);

-- hash orders a directory (rows.h: name_hash, position_of); kind is S_IFMT of the inode's mode >> 12.
-- The fifth format adds `slot`, which tells apart the names of one group; NULL is 0.
CREATE TABLE dentry(
    parent INTEGER, hash INTEGER, name TEXT, ino INTEGER, kind INTEGER, since INTEGER,
    PRIMARY KEY(parent, hash, name)) WITHOUT ROWID;

-- Unwritten extents (wire/types.h) have 0 in all columns that lead into a segment. The fifth format
-- adds `form`, a FrameForm, and `chunks`; NULL is an empty list.
CREATE TABLE extent(
    ino INTEGER, idx INTEGER, seq INTEGER, off INTEGER, len INTEGER, skip INTEGER,
    segment INTEGER, pos INTEGER, stored INTEGER, sum INTEGER, since INTEGER,
    PRIMARY KEY(ino, idx, seq)) WITHOUT ROWID;

-- Extents of `ino` from block `idx` on with a seq below `seq` are dead though not yet removed.
CREATE TABLE cut(ino INTEGER, idx INTEGER, seq INTEGER, PRIMARY KEY(ino, idx, seq)) WITHOUT ROWID;

-- live: the sum of `stored` over the extents that lead into the segment.
CREATE TABLE segment(
    id INTEGER PRIMARY KEY, session INTEGER, bytes INTEGER, live INTEGER, since INTEGER);
CREATE TABLE garbage(segment INTEGER PRIMARY KEY, due INTEGER NOT NULL);
CREATE INDEX garbage_by_due ON garbage(due, segment);

-- The data of a small file in pieces, id = ino * 32 + piece: whole rows of such sizes would leave
-- a third of each page empty. The fourth format adds `bytes` (load.cc), of the file; in the first
-- piece, and 0 or NULL where the data is what the file holds. The fifth adds `seq`, the version of
-- the data, also in the first piece; NULL in rows of older formats.
CREATE TABLE inline(id INTEGER PRIMARY KEY, data BLOB NOT NULL, since INTEGER);

CREATE TABLE xattr(
    ino INTEGER, name TEXT, value BLOB, since INTEGER, PRIMARY KEY(ino, name)) WITHOUT ROWID;
CREATE TABLE symlink(ino INTEGER PRIMARY KEY, target TEXT NOT NULL);

-- Who keeps an inode alive that has no name.
CREATE TABLE orphan(ino INTEGER, session INTEGER, PRIMARY KEY(ino, session)) WITHOUT ROWID;

-- The second format adds squash_uid and squash_gid (load.cc), the fifth the hash of a secret.
CREATE TABLE session(id INTEGER PRIMARY KEY, client TEXT, read_only INTEGER, ended INTEGER);
-- Ids that a session may use for segments; unused counts those without a row in segment so far.
CREATE TABLE reserved(
    session INTEGER, first INTEGER, count INTEGER, unused INTEGER,
    PRIMARY KEY(session, first)) WITHOUT ROWID;
-- What a session's last requests were answered.
CREATE TABLE reply(
    session INTEGER, sequence INTEGER, outcome BLOB,
    PRIMARY KEY(session, sequence)) WITHOUT ROWID;

-- Dead versions of rows, kept while the volume's retention runs: the row was so in [since, until).
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
