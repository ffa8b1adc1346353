// Operations on ranges of files that carry no data: reserving space, punching and finding holes,
// and copies that share stored data.
#pragma once

#include "lib/vfs/access.h"
#include "lib/vfs/handles.h"
#include "lib/vfs/writer.h"

namespace flexfs::vfs {

// Each operation behaves as described in Filesystem.
class RangeOperations {
public:
    // Returns the volume's space, as Filesystem::statfs() does.
    using AskSpace = std::function<Task<Filesystem::Space>()>;
    struct Parts {
        Session& session;
        Nodes& nodes;
        Handles& handles;
        Flusher& flusher;
        Reader& reader;
        Writer& writer;
        Quota& quota;
        Access& access;
    };
    // All parameters must outlive this object.
    RangeOperations(Parts parts, AskSpace space);

    Task<void> allocate(HandleId handle, std::uint32_t mode, std::uint64_t offset,
                        std::uint64_t length, Kill kill);
    Task<std::uint64_t> seek(HandleId handle, std::uint64_t offset, bool data);
    Task<UncertainHole> uncertain_hole(HandleId handle, std::uint64_t offset, bool data);
    Task<std::uint64_t> copy(HandleId from, std::uint64_t from_offset, HandleId to,
                             std::uint64_t offset, std::uint64_t length, Kill kill);
    // Ends the work that continued after its caller was stopped.
    Task<void> close() { return scope_.close(); }

private:
    struct Copy {
        NodeRef from, to;
        std::uint64_t from_offset = 0, offset = 0, length = 0;
        Kill kill;
    };
    Task<bool> has_room(NodeRef node, std::uint64_t length);
    Task<void> allocate_range(NodeRef node, wire::Allocate request);
    Task<void> erase_range(NodeRef node, wire::Allocate request);
    Task<void> allocate_in_steps(NodeRef node, wire::Allocate request);
    Task<void> zero_small(NodeRef node, wire::Allocate request);
    void learn(Node& node, const wire::RangeDone& done);
    Task<std::uint64_t> copy_some(Copy copy);
    Task<std::uint64_t> share(Copy copy);
    Task<std::uint64_t> copy_bytes(Copy copy);

    Session& session_;
    Nodes& nodes_;
    Handles& handles_;
    Flusher& flusher_;
    Reader& reader_;
    Writer& writer_;
    Quota& quota_;
    Access& access_;
    AskSpace space_;
    Scope scope_;
};

}  // namespace flexfs::vfs
