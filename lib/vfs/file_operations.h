// Operations on open files and directories.
#pragma once

#include "lib/vfs/access.h"
#include "lib/vfs/handles.h"
#include "lib/vfs/name_operations.h"
#include "lib/vfs/writer.h"

namespace flexfs::vfs {

// Each operation behaves as described in Filesystem.
class FileOperations {
public:
    struct Parts {
        Session& session;
        Nodes& nodes;
        Handles& handles;
        NameOperations& names;
        Orphans& orphans;
        Flusher& flusher;
        Reader& reader;
        Writer& writer;
        Access& access;
        const Options& options;
        KernelCaches* caches;  // may be null
    };
    // All parts must outlive this object.
    explicit FileOperations(Parts parts) : parts_(parts) {}

    Task<Opened> create(wire::Make request, int flags, Kill kill);
    Task<Opened> open(Ino ino, int flags, Who who, Kill kill);
    Task<std::vector<Buffer>> read(HandleId handle, std::uint64_t offset, std::size_t size);
    Task<std::size_t> write(HandleId handle, std::uint64_t offset, Buffer data, bool at_offset,
                            Kill kill);
    Task<void> flush(HandleId handle);
    Task<void> fsync(HandleId handle);

    Task<OpenedDirectory> opendir(Ino ino, Who who);
    Task<std::vector<Listed>> readdir(HandleId handle, std::uint64_t cookie, bool plus);

private:
    Opened open_handle(NodeRef node, int flags);
    Task<void> truncate(NodeRef node, Kill kill);

    Parts parts_;
};

}  // namespace flexfs::vfs
