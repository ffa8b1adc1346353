// The Filesystem: its parts put together. One file per family of operations.
#pragma once

#include <fcntl.h>

#include <deque>

#include "lib/vfs/directory.h"
#include "lib/vfs/flusher.h"
#include "lib/vfs/names.h"
#include "lib/vfs/orphans.h"
#include "lib/vfs/reader.h"
#include "lib/vfs/writer.h"

namespace flexfs::vfs {

// Of open(2).
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

// So that what the mapping writes is the file's.
inline bool may_map(int flags) {
    return may_read(flags) && may_write(flags);
}

class Mount final : public Filesystem, Session::Listener {
public:
    Mount(Loop& loop, std::unique_ptr<Session> session, object::Store& store, cache::Budget& budget,
          Options options, KernelCaches* caches);
    ~Mount() override;

    Task<void> flush_all() override { return flusher_.drain(); }
    HandedOver hand_over() const override;
    // In a new client. Waits for the service; does not fail.
    Task<void> take_over(HandedOver from);
    void end_handles() override;
    Task<void> close(Unsent unsent) override;
    void set_access_times(AccessTimes which, bool of_folders) override {
        options_.access_times = which;
        options_.folder_access_times = of_folders;
    }
    const wire::VolumeInfo& volume() const override { return session_->volume(); }
    State state() const override;

    Task<Known> lookup(Ino parent, std::string name, Who who) override;
    Task<Known> getattr(Ino ino) override;
    const Attr* last_known(Ino ino) override {
        const Node* node = nodes_.find(ino);
        return node ? &node->attr : nullptr;
    }
    Task<Known> setattr(Ino ino, std::uint32_t mask, Attr attr, Who who) override;
    Task<std::string> readlink(Ino ino) override;
    Task<Known> make(Ino parent, std::string name, std::uint32_t mode, std::uint64_t rdev,
                     std::string target, Who who, std::uint32_t umask) override;
    Task<Known> link(Ino ino, Ino parent, std::string name, Who who) override;
    Task<void> unlink(Ino parent, std::string name, Who who) override;
    Task<void> rmdir(Ino parent, std::string name, Who who) override;
    Task<void> rename(Ino parent, std::string name, Ino new_parent, std::string new_name,
                      std::uint32_t flags, Who who) override;
    void forget(Ino ino) override { orphans_.forgotten(ino); }

    Task<OpenedDirectory> opendir(Ino ino, Who who) override;
    Task<std::vector<Listed>> readdir(HandleId handle, std::uint64_t cookie, bool plus) override;
    void releasedir(HandleId handle) override;

    Task<Opened> create(Ino parent, std::string name, std::uint32_t mode, int flags, Who who,
                        std::uint32_t umask, Kill kill) override;
    Task<Opened> open(Ino ino, int flags, Who who, Kill kill) override;
    Task<std::vector<Buffer>> read(HandleId handle, std::uint64_t offset,
                                   std::size_t size) override;
    Task<std::size_t> write(HandleId handle, std::uint64_t offset, Buffer data, bool at_offset,
                            Kill kill) override;
    Task<void> flush(HandleId handle) override;
    Task<void> fsync(HandleId handle) override;
    Task<void> allocate(HandleId handle, std::uint32_t mode, std::uint64_t offset,
                        std::uint64_t length, Kill kill) override;
    Task<std::uint64_t> seek(HandleId handle, std::uint64_t offset, bool data) override;
    Task<Unsure> unsure(HandleId handle, std::uint64_t offset, bool data) override;
    Task<std::uint64_t> copy(HandleId from, std::uint64_t from_offset, HandleId to,
                             std::uint64_t offset, std::uint64_t length, Kill kill) override;
    void release(HandleId handle) override;
    Task<void> fsyncdir(Ino ino) override;

    Task<Buffer> getxattr(Ino ino, std::string name, Who who) override;
    Task<void> setxattr(Ino ino, std::string name, Buffer value, std::uint32_t flags, Who who,
                        bool kill_setgid) override;
    Task<std::vector<std::string>> listxattr(Ino ino) override;
    Task<void> removexattr(Ino ino, std::string name, Who who) override;
    Task<Space> statfs() override;

    // For tests.
    Compactor& compactor() { return compactor_; }

private:
    struct Handle {
        NodeRef node;
        int flags = 0;
        std::uint64_t failures_told = 0;
        ReadAhead ahead;
    };

    void revoked(wire::Revoke what) override;
    void recalled(wire::Recall what) override;
    std::vector<Ino> held() override;
    void reconnected(Continuity how, const std::vector<Ino>& lost) override;
    void lease_ended() override;
    void drop_kernel_caches();
    Task<void> send_unsent(Ino ino);
    Task<void> find_removed();
    Task<void> answer_recalls();
    Task<void> give_back(wire::Recall what);

    Result<void> writable() const;
    // For answers from what is known here. EACCES.
    Task<void> check_access(Ino ino, std::uint32_t mask, Who who);
    Known known(const Node& node) const;
    Result<std::shared_ptr<Handle>> handle(HandleId id) const;
    Task<NodeRef> fresh(Ino ino);
    Opened opened(NodeRef node, int flags);
    Handle& add_handle(HandleId id, NodeRef node, int flags);
    Task<void> current(NodeRef node);
    Task<bool> has_room(NodeRef node, std::uint64_t length);
    Task<void> allocate_range(NodeRef node, wire::Allocate request);
    Task<void> erase_range(NodeRef node, wire::Allocate request);
    Task<void> allocate_in_steps(NodeRef node, wire::Allocate request);
    Task<void> zero_small(NodeRef node, wire::Allocate request);
    void learn(Node& node, const wire::RangeDone& done);
    struct Copy {
        NodeRef from, to;
        std::uint64_t from_offset = 0, offset = 0, length = 0;
        Kill kill;
    };
    Task<std::uint64_t> copy_some(Copy copy);
    Task<std::uint64_t> share(Copy copy);
    Task<std::uint64_t> copy_bytes(Copy copy);
    Task<Known> cut(NodeRef node, std::uint32_t mask, Attr attr, Who who);
    Task<Known> change(Ino ino, std::uint32_t mask, const Attr& attr, Who who);
    bool takes_privileges(const Node& node, Kill kill) const;
    Task<void> truncate(NodeRef node, Kill kill);
    Task<void> settle_writes(Ino ino);
    bool note_access(Node& node);
    Task<void> tell_failure(Handle& handle);
    Task<wire::Entry> make_entry(wire::Make request);
    void learn_name(Ino parent, const std::string& name, const Result<wire::Entry>& answer,
                    std::uint64_t changes);
    void learn_removal(Ino parent, const std::string& name, const Result<wire::Removed>& answer,
                       std::uint64_t changes);
    Task<void> bring_bytes(Ino parent, const std::string& name);
    void learn_move(const wire::Rename& asked, const wire::Removed& done);
    void learn_told(Ino ino, const Attr* attr);
    void lost_name(const wire::Removed& done);

    Loop& loop_;
    std::unique_ptr<Session> session_;
    object::Store& store_;
    Options options_;
    KernelCaches* caches_;
    Nodes nodes_;
    Names names_;
    cache::ChunkCache chunks_;
    cache::Packer packer_;
    Compactor compactor_;
    Flusher flusher_;
    Orphans orphans_;
    Reader reader_;
    Quota quota_;
    Writer writer_;
    std::unordered_map<HandleId, std::shared_ptr<Handle>> handles_;
    std::unordered_map<HandleId, std::shared_ptr<Directory>> directories_;
    HandleId last_handle_ = 0;
    std::deque<wire::Recall> recalls_;  // to be answered
    task::WaitList recall_came_;
    Scope scope_;
};

}  // namespace flexfs::vfs
