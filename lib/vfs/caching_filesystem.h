// The Filesystem of a client that caches data and metadata under grants. It owns and connects the
// parts.
#pragma once

#include "lib/vfs/coherence.h"
#include "lib/vfs/file_operations.h"
#include "lib/vfs/name_operations.h"
#include "lib/vfs/range_operations.h"
#include "lib/vfs/storing.h"
#include "lib/vfs/xattr_operations.h"

namespace flexfs::vfs {

class CachingFilesystem final : public Filesystem {
public:
    // `store` and `budget` must outlive this object; `caches` may be null.
    CachingFilesystem(Loop& loop, std::unique_ptr<Session> session, object::Store& store,
                      cache::Budget& budget, Options options, KernelCaches* caches);
    ~CachingFilesystem() override;

    Task<void> flush_all() override { return flusher_.drain(); }
    Task<std::vector<std::string>> store_written() override { return storing_.store_written(); }
    std::vector<UnstoredFile> unstored(std::size_t most) const override {
        return storing_.unstored(most);
    }
    HandedOver hand_over() const override;
    // Continues with the state that another process image left. Waits for the service; does not
    // fail.
    Task<void> take_over(HandedOver from);
    void end_handles() override;
    Task<void> close(AtClose unsent) override;
    void set_access_times(AccessTimes which, bool of_folders) override;
    const wire::VolumeInfo& volume() const override { return session_->volume(); }
    State state() const override;
    Task<Space> statfs() override;

    Task<Known> lookup(Ino parent, std::string name, Who who) override {
        return name_operations_.lookup(parent, std::move(name), who);
    }
    Task<Known> getattr(Ino ino) override { return name_operations_.getattr(ino); }
    const Attr* last_known(Ino ino) override {
        const Node* node = nodes_.find(ino);
        return node ? &node->attr() : nullptr;
    }
    Task<Known> setattr(Ino ino, std::uint32_t mask, Attr attr, Who who) override {
        return name_operations_.setattr(ino, mask, attr, who);
    }
    Task<std::string> readlink(Ino ino) override { return name_operations_.readlink(ino); }
    Task<Known> make(Ino parent, std::string name, std::uint32_t mode, std::uint64_t rdev,
                     std::string target, Who who, std::uint32_t umask) override;
    Task<Known> link(Ino ino, Ino parent, std::string name, Who who) override {
        return name_operations_.link(ino, parent, std::move(name), who);
    }
    Task<void> unlink(Ino parent, std::string name, Who who) override {
        return name_operations_.unlink(parent, std::move(name), who);
    }
    Task<void> rmdir(Ino parent, std::string name, Who who) override {
        return name_operations_.rmdir(parent, std::move(name), who);
    }
    Task<void> rename(Ino parent, std::string name, Ino new_parent, std::string new_name,
                      std::uint32_t flags, Who who) override;
    void forget(Ino ino) override { orphans_.forgotten(ino); }

    Task<OpenedDirectory> opendir(Ino ino, Who who) override { return files_.opendir(ino, who); }
    Task<std::vector<Listed>> readdir(HandleId handle, std::uint64_t cookie, bool plus) override {
        return files_.readdir(handle, cookie, plus);
    }
    void releasedir(HandleId handle) override { handles_.close_directory(handle); }

    Task<Opened> create(Ino parent, std::string name, std::uint32_t mode, int flags, Who who,
                        std::uint32_t umask, Kill kill) override;
    Task<Opened> open(Ino ino, int flags, Who who, Kill kill) override {
        return files_.open(ino, flags, who, kill);
    }
    Task<std::vector<Buffer>> read(HandleId handle, std::uint64_t offset,
                                   std::size_t size) override {
        return files_.read(handle, offset, size);
    }
    Task<std::size_t> write(HandleId handle, std::uint64_t offset, Buffer data, bool at_offset,
                            Kill kill) override {
        return files_.write(handle, offset, std::move(data), at_offset, kill);
    }
    Task<void> flush(HandleId handle) override { return files_.flush(handle); }
    Task<void> fsync(HandleId handle) override { return files_.fsync(handle); }
    void release(HandleId handle) override { handles_.close_file(handle); }
    Task<void> fsyncdir(Ino) override { return flusher_.sync(nodes_.last_stamp()); }

    Task<void> allocate(HandleId handle, std::uint32_t mode, std::uint64_t offset,
                        std::uint64_t length, Kill kill) override {
        return ranges_.allocate(handle, mode, offset, length, kill);
    }
    Task<std::uint64_t> seek(HandleId handle, std::uint64_t offset, bool data) override {
        return ranges_.seek(handle, offset, data);
    }
    Task<UncertainHole> uncertain_hole(HandleId handle, std::uint64_t offset, bool data) override {
        return ranges_.uncertain_hole(handle, offset, data);
    }
    Task<std::uint64_t> copy(HandleId from, std::uint64_t from_offset, HandleId to,
                             std::uint64_t offset, std::uint64_t length, Kill kill) override {
        return ranges_.copy(from, from_offset, to, offset, length, kill);
    }

    Task<Buffer> getxattr(Ino ino, std::string name, Who who) override {
        return xattrs_.getxattr(ino, std::move(name), who);
    }
    Task<void> setxattr(Ino ino, std::string name, Buffer value, std::uint32_t flags, Who who,
                        bool kill_setgid) override {
        return xattrs_.setxattr(ino, std::move(name), std::move(value), flags, who, kill_setgid);
    }
    Task<std::vector<std::string>> listxattr(Ino ino) override { return xattrs_.listxattr(ino); }
    Task<void> removexattr(Ino ino, std::string name, Who who) override {
        return xattrs_.removexattr(ino, std::move(name), who);
    }

    // Only for tests.
    Compactor& compactor() { return compactor_; }

private:
    std::unique_ptr<Session> session_;
    object::Store& store_;
    Options options_;
    // Cached metadata.
    Nodes nodes_;
    NameCache names_;
    Handles handles_;
    // Data.
    cache::ChunkCache chunks_;
    cache::Packer packer_;
    Compactor compactor_;
    Flusher flusher_;
    Storing storing_;
    Orphans orphans_;
    Reader reader_;
    Quota quota_;
    Writer writer_;
    // Operations.
    Access access_;
    NameOperations name_operations_;
    FileOperations files_;
    RangeOperations ranges_;
    XattrOperations xattrs_;
    Coherence coherence_;
    Scope scope_;
};

}  // namespace flexfs::vfs
