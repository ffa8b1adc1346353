// A filesystem whose session has a lease. When the lease has run out, operations that are answered
// from caches or write under a grant wait until the service is reached again. All other operations
// call the service and therefore wait anyway.
#pragma once

#include "lib/vfs/session.h"

namespace flexfs::vfs {

class Leased final : public Filesystem {
public:
    // `session` is the session of `inner`.
    Leased(std::unique_ptr<Filesystem> inner, Session& session)
        : inner_(std::move(inner)), session_(session) {}

    Task<void> flush_all() override { return inner_->flush_all(); }
    Task<std::vector<std::string>> store_written() override { return inner_->store_written(); }
    std::vector<UnstoredFile> unstored(std::size_t most) const override {
        return inner_->unstored(most);
    }
    HandedOver hand_over() const override { return inner_->hand_over(); }
    void end_handles() override { inner_->end_handles(); }
    Task<void> close(AtClose unsent) override { return inner_->close(unsent); }
    void set_access_times(AccessTimes which, bool of_folders) override {
        inner_->set_access_times(which, of_folders);
    }
    const wire::VolumeInfo& volume() const override { return inner_->volume(); }
    State state() const override { return inner_->state(); }
    Duration reliable_for() const override { return session_.lease_left(); }
    void forget(Ino ino) override { inner_->forget(ino); }
    void releasedir(HandleId handle) override { inner_->releasedir(handle); }
    void release(HandleId handle) override { inner_->release(handle); }

    Task<Known> lookup(Ino parent, std::string name, Who who) override;
    const Attr* last_known(Ino ino) override { return inner_->last_known(ino); }
    Task<Known> getattr(Ino ino) override;
    Task<Known> setattr(Ino ino, std::uint32_t mask, Attr attr, Who who) override {
        return inner_->setattr(ino, mask, attr, who);
    }
    Task<std::string> readlink(Ino ino) override;
    Task<Known> make(Ino parent, std::string name, std::uint32_t mode, std::uint64_t rdev,
                     std::string target, Who who, std::uint32_t umask) override {
        return inner_->make(parent, std::move(name), mode, rdev, std::move(target), who, umask);
    }
    Task<Known> link(Ino ino, Ino parent, std::string name, Who who) override {
        return inner_->link(ino, parent, std::move(name), who);
    }
    Task<void> unlink(Ino parent, std::string name, Who who) override {
        return inner_->unlink(parent, std::move(name), who);
    }
    Task<void> rmdir(Ino parent, std::string name, Who who) override {
        return inner_->rmdir(parent, std::move(name), who);
    }
    Task<void> rename(Ino parent, std::string name, Ino new_parent, std::string new_name,
                      std::uint32_t flags, Who who) override {
        return inner_->rename(parent, std::move(name), new_parent, std::move(new_name), flags, who);
    }
    Task<OpenedDirectory> opendir(Ino ino, Who who) override;
    Task<std::vector<Listed>> readdir(HandleId handle, std::uint64_t cookie, bool plus) override;
    Task<Opened> create(Ino parent, std::string name, std::uint32_t mode, int flags, Who who,
                        std::uint32_t umask, Kill kill) override {
        return inner_->create(parent, std::move(name), mode, flags, who, umask, kill);
    }
    Task<Opened> open(Ino ino, int flags, Who who, Kill kill) override;
    Task<std::vector<Buffer>> read(HandleId handle, std::uint64_t offset,
                                   std::size_t size) override;
    Task<std::size_t> write(HandleId handle, std::uint64_t offset, Buffer data, bool at_offset,
                            Kill kill) override;
    Task<void> flush(HandleId handle) override { return inner_->flush(handle); }
    Task<void> fsync(HandleId handle) override { return inner_->fsync(handle); }
    Task<void> allocate(HandleId handle, std::uint32_t mode, std::uint64_t offset,
                        std::uint64_t length, Kill kill) override {
        return inner_->allocate(handle, mode, offset, length, kill);
    }
    Task<std::uint64_t> seek(HandleId handle, std::uint64_t offset, bool data) override;
    Task<UncertainHole> uncertain_hole(HandleId handle, std::uint64_t offset, bool data) override;
    Task<std::uint64_t> copy(HandleId from, std::uint64_t from_offset, HandleId to,
                             std::uint64_t offset, std::uint64_t length, Kill kill) override;
    Task<void> fsyncdir(Ino ino) override { return inner_->fsyncdir(ino); }
    Task<Buffer> getxattr(Ino ino, std::string name, Who who) override;
    Task<void> setxattr(Ino ino, std::string name, Buffer value, std::uint32_t flags, Who who,
                        bool kill_setgid) override {
        return inner_->setxattr(ino, std::move(name), std::move(value), flags, who, kill_setgid);
    }
    Task<std::vector<std::string>> listxattr(Ino ino) override;
    Task<void> removexattr(Ino ino, std::string name, Who who) override {
        return inner_->removexattr(ino, std::move(name), who);
    }
    Task<Space> statfs() override { return inner_->statfs(); }

private:
    std::unique_ptr<Filesystem> inner_;
    Session& session_;
};

}  // namespace flexfs::vfs
