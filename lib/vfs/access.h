// What the operations of every family share: whether a caller may do what it asks for, and what is
// answered about inodes.
#pragma once

#include <fcntl.h>

#include "lib/vfs/flusher.h"

namespace flexfs::vfs {

// Flags of open(2).
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
    // `caches` may be null. All of them must outlive it.
    Access(Session& session, Nodes& nodes, Flusher& flusher, const Options& options,
           KernelCaches* caches)
        : session_(session), nodes_(nodes), flusher_(flusher), options_(options), caches_(caches) {}

    // EROFS.
    Result<void> require_writable() const;
    // For answers from what is known here: the service is asked where permissions apply. EACCES.
    Task<void> require(Ino ino, std::uint32_t mask, Who who);

    Known tell(const Node& node) const { return {node.stat(), node.grant != Grant::none}; }
    // The node, with attributes that are valid now.
    Task<NodeRef> node(Ino ino);
    // Makes the size valid, and what is known of the data, for a read that begins now.
    Task<void> refresh(NodeRef node);
    // Writes back what is unsent: setuid, setgid and capabilities that are given to the file after
    // these writes must not be taken away by them.
    Task<void> settle_writes(Ino ino);
    // A program reads the inode now. True: the access time moved.
    bool note_read(Node& node);

    // Reports to the kernel that an operation takes away privileges: the answers to a write, an
    // open, fallocate and a copy have no mode, and the kernel would go on running the file with the
    // rights that it had. Once is enough until the file gets privileges again.
    class PrivilegeReport {
    public:
        PrivilegeReport(const Access& access, const Node& node, Kill kill);
        // After the operation, or its first step.
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
