// Operations on names and attributes.
#pragma once

#include "lib/vfs/access.h"
#include "lib/vfs/names.h"
#include "lib/vfs/orphans.h"

namespace flexfs::vfs {

// Each operation behaves as described in Filesystem.
class NameOperations {
public:
    struct Parts {
        Session& session;
        Nodes& nodes;
        NameCache& names;
        Flusher& flusher;
        Orphans& orphans;
        Access& access;
    };
    // All parts must outlive this object.
    explicit NameOperations(Parts parts);

    Task<Known> lookup(Ino parent, std::string name, Who who);
    Task<Known> getattr(Ino ino);
    Task<Known> setattr(Ino ino, std::uint32_t mask, Attr attr, Who who);
    Task<std::string> readlink(Ino ino);
    // Handles mkdir, mknod and symlink.
    Task<Known> make(wire::Make request);
    // Creates a file. Learns the entry, and the name if the answer allows it.
    Task<wire::Entry> create(wire::Make request);
    Task<Known> link(Ino ino, Ino parent, std::string name, Who who);
    Task<void> unlink(Ino parent, std::string name, Who who);
    Task<void> rmdir(Ino parent, std::string name, Who who);
    Task<void> rename(wire::Rename request);
    // Ends the work that continued after its caller was stopped.
    Task<void> close() { return scope_.close(); }

private:
    Task<Known> cut(NodeRef node, std::uint32_t mask, Attr attr, Who who);
    Task<Known> change(Ino ino, std::uint32_t mask, const Attr& attr, Who who);
    Task<wire::Entry> make_entry(wire::Make request);
    template <class Request>
    Task<void> remove_entry(Request request);
    Task<void> move_entry(wire::Rename request);
    void learn_name(Ino parent, const std::string& name, const Result<wire::Entry>& answer,
                    std::uint64_t changes);
    void learn_removal(Ino parent, const std::string& name, const Result<wire::Removed>& answer,
                       std::uint64_t changes);
    void learn_loss(const wire::Removed& done);
    void learn_move(const wire::Rename& asked, const wire::Removed& done);
    void learn_change(Ino ino, const Attr* attr);
    Task<void> store_before_replacing(Ino parent, const std::string& name);

    Session& session_;
    Nodes& nodes_;
    NameCache& names_;
    Flusher& flusher_;
    Orphans& orphans_;
    Access& access_;
    Scope scope_;
};

}  // namespace flexfs::vfs
