// Operations on extended attributes.
#pragma once

#include "lib/vfs/access.h"

namespace flexfs::vfs {

// Each operation behaves as described in Filesystem.
class XattrOperations {
public:
    // All parameters must outlive this object.
    XattrOperations(Session& session, Nodes& nodes, Access& access, Flusher& flusher,
                    const Options& options)
        : session_(session), nodes_(nodes), access_(access), flusher_(flusher), options_(options) {}

    Task<Buffer> getxattr(Ino ino, std::string name, Who who);
    Task<void> setxattr(Ino ino, std::string name, Buffer value, std::uint32_t flags, Who who,
                        bool kill_setgid);
    Task<std::vector<std::string>> listxattr(Ino ino);
    Task<void> removexattr(Ino ino, std::string name, Who who);

private:
    Task<Buffer> durability(Ino ino);

    Session& session_;
    Nodes& nodes_;
    Access& access_;
    Flusher& flusher_;
    const Options& options_;
};

}  // namespace flexfs::vfs
