// Helpers that the operations of every family share: they check whether a caller may do what it
// asks for, and answer with the attributes of inodes.
#pragma once

#include <fcntl.h>

#include "lib/vfs/flusher.h"

namespace flexfs::vfs {

// `flags` are those of open(2).
inline bool may_read(int flags) {
    return (flags & O_ACCMODE) != O_WRONLY;
}
inline bool may_write(int flags) {
    return (flags & O_ACCMODE) != O_RDONLY;
}

inline Loss loss_by(Kill kill) {
    if (!kill.privileges) return Loss::none;
    return kill.setgid_too ? Loss::setgid_too : Loss::privileges;
}

class Access {
public:
    // `caches` may be null. All parameters must outlive this object.
    Access(Session& session, Nodes& nodes, Flusher& flusher, const Options& options,
           KernelCaches* caches)
        : session_(session), nodes_(nodes), flusher_(flusher), options_(options), caches_(caches) {}

    // Fails with EROFS if the mount is read-only.
    Result<void> require_writable() const;
    // Checks the caller's permissions before an operation is answered from the cache: the service
    // is asked where permissions apply. Fails with EACCES.
    Task<void> require(Ino ino, std::uint32_t mask, Who who);

    Known tell(const Node& node) const { return {node.stat(), node.grant() != Grant::none}; }
    // Returns the node, with attributes that are valid now.
    Task<NodeRef> node(Ino ino);
    // Brings the size and the known data up to date for a read that begins now.
    Task<void> refresh(NodeRef node);
    // Writes back the unsent data of the file. Call it before setuid, setgid or capabilities are
    // given to the file, so that earlier writes do not take them away again.
    Task<void> settle_writes(Ino ino);
    // Records that a program reads the inode now. Returns true if the access time changed.
    bool note_read(Node& node);

    // Reports to the kernel that an operation takes away privileges. The answers to a write, an
    // open, fallocate and a copy carry no mode, so the kernel would go on running the file with the
    // rights that it had. One report is enough until the file gets privileges again.
    class PrivilegeReport {
    public:
        PrivilegeReport(const Access& access, const Node& node, Kill kill);
        // Call it after the operation, or after its first step.
        void send();

    private:
        KernelCaches* caches_ = nullptr;
        Ino ino_;
    };

private:
    Session& session_;
    Nodes& nodes_;
    Flusher& flusher_;
    const Options& options_;
    KernelCaches* caches_;
};

}  // namespace flexfs::vfs
