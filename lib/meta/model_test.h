// The rules of the filesystem once more, as plainly as possible: maps in memory, no limits, no
// database. The simulation compares a Volume with it. File data is represented by cells of 1 KiB
// that name the frame and its cell from which they were written, 0 for a hole; reserved space is
// represented by its pages.
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "lib/meta/volume.h"

namespace flexfs::meta {

inline constexpr std::uint64_t cell_bytes = 1024;

// Fills the cells that the extent covers. `cells` begins with the start of the file.
inline void fill_cells(std::vector<std::uint64_t>& cells, const wire::Extent& e,
                       std::uint64_t block_cells) {
    const std::uint64_t first = e.idx * block_cells + e.off / cell_bytes;
    const std::uint64_t count = e.len / cell_bytes;
    if (cells.size() < first + count) cells.resize(first + count);
    for (std::uint64_t i = 0; i < count; ++i)
        cells[first + i] = (e.check << 16) + e.skip / cell_bytes + i;
}

struct ModelInode {
    std::uint32_t mode = 0, uid = 0, gid = 0, nlink = 0;
    std::uint64_t size = 0;
    Time mtime = 0, ctime = 0;
    Ino parent = 0;
    std::string target, inline_data;
    std::map<std::string, Ino> names;
    std::map<std::string, std::string> xattrs;
    std::vector<std::uint64_t> cells;
    std::set<std::uint64_t> room;  // pages
    std::set<SessionId> holders;
    bool linkable = false;
    bool packed = false;  // its inline data is packed

    bool folder() const { return S_ISDIR(mode); }
    void touch(Time now) { mtime = ctime = now; }
    std::uint64_t used() const {
        std::uint64_t bytes = room.size() * wire::page_bytes;
        const auto add = [&](std::uint64_t at, std::uint64_t more) {
            if (!room.contains(at / wire::page_bytes)) bytes += more;
        };
        for (std::uint64_t i = 0; i < cells.size(); ++i)
            if (cells[i] != 0) add(i * cell_bytes, cell_bytes);
        for (std::uint64_t i = 0; i < inline_data.size(); ++i) add(i, 1);
        return bytes;
    }
};

class Model {
public:
    std::map<Ino, ModelInode> inodes;
    Ino next = 2;
    std::uint64_t block_cells = 256;

    Model() {
        inodes[1] = {.mode = S_IFDIR | 0755, .nlink = 2, .mtime = 10, .ctime = 10, .parent = 1};
    }

    int make(const wire::Make& m, SessionId session) {
        if (int code = living_folder(m.parent)) return code;
        ModelInode& parent = inodes[m.parent];
        if (parent.names.contains(m.name)) return m.existing_ok ? 0 : EEXIST;
        const Ino ino = next++;
        ModelInode& made = inodes[ino];
        made = {.mode = m.mode,
                .uid = m.who.uid,
                .gid = m.who.gid,
                .nlink = 1,
                .size = m.target.size(),
                .mtime = m.now,
                .ctime = m.now,
                .parent = m.parent,
                .target = m.target};
        if (parent.mode & S_ISGID) {
            made.gid = parent.gid;
            if (made.folder()) made.mode |= S_ISGID;
        }
        if (m.name.empty()) {
            made.nlink = 0;
            made.linkable = true;
            made.holders = {session};
            return 0;
        }
        parent.names[m.name] = ino;
        parent.touch(m.now);
        if (made.folder()) {
            made.nlink = 2;
            ++parent.nlink;
        }
        return 0;
    }

    int link(const wire::Link& m) {
        if (int code = living_folder(m.parent)) return code;
        if (!inodes.contains(m.ino)) return ESTALE;
        ModelInode& inode = inodes[m.ino];
        if (inode.folder()) return EPERM;
        if (inode.nlink == 0 && !inode.linkable) return ENOENT;
        if (inodes[m.parent].names.contains(m.name)) return EEXIST;
        inode.linkable = false;
        inode.holders.clear();
        ++inode.nlink;
        inode.parent = m.parent;
        inode.ctime = m.now;
        inodes[m.parent].names[m.name] = m.ino;
        inodes[m.parent].touch(m.now);
        return 0;
    }

    int unlink(const wire::Unlink& m, const std::set<SessionId>& holders) {
        if (int code = folder(m.parent)) return code;
        ModelInode& parent = inodes[m.parent];
        if (!parent.names.contains(m.name)) return ENOENT;
        const Ino ino = parent.names[m.name];
        if (inodes[ino].folder()) return EISDIR;
        parent.names.erase(m.name);
        parent.touch(m.now);
        inodes[ino].ctime = m.now;
        drop(ino, holders);
        return 0;
    }

    int rmdir(const wire::Rmdir& m, const std::set<SessionId>& holders) {
        if (int code = folder(m.parent)) return code;
        ModelInode& parent = inodes[m.parent];
        if (!parent.names.contains(m.name)) return ENOENT;
        const Ino ino = parent.names[m.name];
        if (!inodes[ino].folder()) return ENOTDIR;
        if (!inodes[ino].names.empty()) return ENOTEMPTY;
        parent.names.erase(m.name);
        --parent.nlink;
        parent.touch(m.now);
        inodes[ino].ctime = m.now;
        drop(ino, holders);
        return 0;
    }

    int rename(const wire::Rename& m, const std::set<SessionId>& holders) {
        if (int code = folder(m.parent)) return code;
        if (int code = folder(m.new_parent)) return code;
        ModelInode &from = inodes[m.parent], &to = inodes[m.new_parent];
        const Ino ino = from.names.contains(m.name) ? from.names[m.name] : 0;
        const Ino old = to.names.contains(m.new_name) ? to.names[m.new_name] : 0;
        const bool exchange = m.flags == RENAME_EXCHANGE;
        if (ino == 0 || (exchange && old == 0)) return ENOENT;
        if (to.nlink == 0) return ENOENT;
        if (old != 0 && m.flags == RENAME_NOREPLACE) return EEXIST;
        if (ino == old) return 0;
        if (inodes[ino].folder() && above(ino, m.new_parent)) return EINVAL;
        if (exchange && inodes[old].folder() && above(old, m.parent)) return EINVAL;
        if (!exchange && old != 0) {
            if (inodes[ino].folder() && !inodes[old].folder()) return ENOTDIR;
            if (!inodes[ino].folder() && inodes[old].folder()) return EISDIR;
            if (!inodes[old].names.empty()) return ENOTEMPTY;
        }
        from.names.erase(m.name);
        to.names.erase(m.new_name);
        put(m.new_parent, m.new_name, ino, m.parent, m.now);
        if (exchange) put(m.parent, m.name, old, m.new_parent, m.now);
        from.touch(m.now);
        to.touch(m.now);
        if (!exchange && old != 0) {
            if (inodes[old].folder()) --to.nlink;
            inodes[old].ctime = m.now;
            drop(old, holders);
        }
        return 0;
    }

    int setattr(const wire::SetAttr& m) {
        if (!inodes.contains(m.ino)) return ESTALE;
        ModelInode& inode = inodes[m.ino];
        if ((m.mask & wire::set_size) && inode.folder()) return EISDIR;
        if ((m.mask & wire::set_size) && !S_ISREG(inode.mode)) return EINVAL;
        if (m.mask & wire::set_mode) inode.mode = (inode.mode & S_IFMT) | (m.attr.mode & 07777);
        if (m.mask & wire::set_size) {
            resize(inode, m.attr.size);
            inode.mtime = m.now;
        }
        inode.ctime = m.now;
        return 0;
    }

    int set_xattr(const wire::SetXattr& m) {
        if (!inodes.contains(m.ino)) return ESTALE;
        auto& xattrs = inodes[m.ino].xattrs;
        if (xattrs.contains(m.name) && (m.flags & XATTR_CREATE)) return EEXIST;
        if (!xattrs.contains(m.name) && (m.flags & XATTR_REPLACE)) return ENODATA;
        if (xattrs.contains(m.name) && xattrs[m.name] == m.value.text()) return 0;
        xattrs[m.name] = m.value.text();
        inodes[m.ino].ctime = m.now;
        return 0;
    }

    int remove_xattr(const wire::RemoveXattr& m) {
        if (!inodes.contains(m.ino)) return ESTALE;
        if (inodes[m.ino].xattrs.erase(m.name) == 0) return ENODATA;
        inodes[m.ino].ctime = m.now;
        return 0;
    }

    int commit(const wire::InodeCommit& m) {
        if (!inodes.contains(m.ino)) return ESTALE;
        ModelInode& inode = inodes[m.ino];
        if (inode.folder()) return EISDIR;
        if (!S_ISREG(inode.mode)) return EINVAL;
        if (m.set_inline && !inode.room.empty()) return EAGAIN;
        if (!inode.inline_data.empty() && !m.extents.empty() && !m.clear_inline) return EAGAIN;
        if (m.set_inline) {
            inode.cells.clear();
            inode.inline_data = m.inline_data.text();
            inode.packed = m.inline_bytes != 0;
            if (inode.packed) inode.inline_data.assign(m.inline_bytes, inode.inline_data[0]);
            inode.size = std::max<std::uint64_t>(inode.size, inode.inline_data.size());
        }
        if (m.clear_inline) inode.inline_data.clear();
        for (const wire::Extent& e : m.extents) {
            fill_cells(inode.cells, e, block_cells);
            inode.size = std::max(inode.size, e.idx * block_cells * cell_bytes + e.off + e.len);
        }
        inode.mtime = m.mtime;
        inode.ctime = std::max(inode.ctime, m.mtime);
        return 0;
    }

    int allocate(const wire::Allocate& m) {
        if (int code = file(m.ino)) return code;
        ModelInode& inode = inodes[m.ino];
        if (m.length == 0) return EINVAL;
        const std::uint32_t mode = m.mode & ~FALLOC_FL_KEEP_SIZE;
        const bool keeps = m.mode & FALLOC_FL_KEEP_SIZE;
        if (mode != 0 && mode != FALLOC_FL_ZERO_RANGE && (mode != FALLOC_FL_PUNCH_HOLE || !keeps))
            return EOPNOTSUPP;
        const std::uint64_t end = m.offset + m.length, page = wire::page_bytes;
        if (mode != 0 && inode.packed && end < inode.inline_data.size()) return EAGAIN;
        if (mode != 0) erase(inode, m.offset, end);
        if (mode == FALLOC_FL_PUNCH_HOLE)
            std::erase_if(inode.room, [&](std::uint64_t at) {
                return at * page >= m.offset && (at + 1) * page <= end;
            });
        else
            for (std::uint64_t at = m.offset / page; at * page < end; ++at) inode.room.insert(at);
        if (!keeps) inode.size = std::max(inode.size, m.offset + m.length);
        inode.touch(m.now);
        return 0;
    }

    int copy_range(const wire::CopyRange& m) {
        if (int code = file(m.from)) return code;
        if (int code = file(m.ino)) return code;
        ModelInode from = inodes[m.from];
        ModelInode& to = inodes[m.ino];
        if (m.from == m.ino && m.from_offset < m.offset + m.length &&
            m.offset < m.from_offset + m.length)
            return EINVAL;
        if (m.from_offset < from.inline_data.size()) return EAGAIN;
        if (m.from_offset >= from.size || m.length == 0) return 0;
        const std::uint64_t length = std::min(m.length, from.size - m.from_offset);
        const std::uint64_t first = m.from_offset / cell_bytes, end = first + length / cell_bytes;
        from.cells.resize(std::max<std::size_t>(from.cells.size(), end));
        const auto at = from.cells.begin();
        const bool hole =
            std::all_of(at + long(first), at + long(end), [](std::uint64_t c) { return c == 0; });
        if (!to.inline_data.empty() && !hole) return EAGAIN;
        if (to.packed && m.offset + length < to.inline_data.size()) return EAGAIN;
        erase(to, m.offset, m.offset + length);
        to.cells.resize(std::max<std::size_t>(to.cells.size(), (m.offset + length) / cell_bytes));
        std::copy(at + long(first), at + long(end), to.cells.begin() + long(m.offset / cell_bytes));
        to.size = std::max(to.size, m.offset + length);
        to.touch(m.now);
        return 0;
    }

    void release(Ino ino, SessionId session) {
        if (inodes.contains(ino) && inodes[ino].holders.erase(session) &&
            inodes[ino].holders.empty())
            inodes.erase(ino);
    }

    void end_session(SessionId session) {
        std::vector<Ino> all;
        for (const auto& [ino, inode] : inodes) all.push_back(ino);
        for (const Ino ino : all) release(ino, session);
    }

    static void resize(ModelInode& inode, std::uint64_t size) {
        if (size <= inode.size)
            std::erase_if(inode.room,
                          [&](std::uint64_t at) { return at * wire::page_bytes >= size; });
        inode.size = size;
        if (inode.inline_data.size() > size) inode.inline_data.resize(size);
        if (inode.cells.size() > size / cell_bytes) inode.cells.resize(size / cell_bytes);
    }

private:
    int file(Ino ino) const {
        if (!inodes.contains(ino)) return ESTALE;
        if (inodes.at(ino).folder()) return EISDIR;
        return S_ISREG(inodes.at(ino).mode) ? 0 : EINVAL;
    }
    // Erases whole cells; inline data is erased to the byte.
    static void erase(ModelInode& inode, std::uint64_t first, std::uint64_t last) {
        for (std::uint64_t cell = first / cell_bytes; cell < last / cell_bytes; ++cell)
            if (cell < inode.cells.size()) inode.cells[cell] = 0;
        std::string& data = inode.inline_data;
        if (last >= data.size()) data.resize(std::min<std::size_t>(data.size(), first));
        else std::fill(data.begin() + long(first), data.begin() + long(last), '\0');
    }
    int folder(Ino ino) const {
        if (!inodes.contains(ino)) return ESTALE;
        return inodes.at(ino).folder() ? 0 : ENOTDIR;
    }
    int living_folder(Ino ino) const {
        if (int code = folder(ino)) return code;
        return inodes.at(ino).nlink == 0 ? ENOENT : 0;
    }
    bool above(Ino high, Ino low) {
        for (; low != 1 && low != high; low = inodes[low].parent) {}
        return low == high;
    }
    void put(Ino parent, const std::string& name, Ino ino, Ino before, Time now) {
        inodes[parent].names[name] = ino;
        inodes[ino].parent = parent;
        inodes[ino].ctime = now;
        if (!inodes[ino].folder()) return;
        ++inodes[parent].nlink;
        --inodes[before].nlink;
    }
    void drop(Ino ino, const std::set<SessionId>& holders) {
        ModelInode& inode = inodes[ino];
        inode.nlink = inode.folder() ? 0 : inode.nlink - 1;
        if (inode.nlink > 0) return;
        inode.holders = holders;
        if (holders.empty()) inodes.erase(ino);
    }
};

}  // namespace flexfs::meta
