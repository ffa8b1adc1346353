#include "lib/vfs/leased.h"

namespace flexfs::vfs {

Task<Known> Leased::lookup(Ino parent, std::string name, Who who) {
    co_await session_.wait_for_lease();
    co_return co_await inner_->lookup(parent, std::move(name), who);
}

Task<Known> Leased::getattr(Ino ino) {
    co_await session_.wait_for_lease();
    co_return co_await inner_->getattr(ino);
}

Task<std::string> Leased::readlink(Ino ino) {
    co_await session_.wait_for_lease();
    co_return co_await inner_->readlink(ino);
}

Task<OpenedDirectory> Leased::opendir(Ino ino, Who who) {
    co_await session_.wait_for_lease();
    co_return co_await inner_->opendir(ino, who);
}

Task<std::vector<Listed>> Leased::readdir(HandleId handle, std::uint64_t cookie, bool plus) {
    co_await session_.wait_for_lease();
    co_return co_await inner_->readdir(handle, cookie, plus);
}

Task<Opened> Leased::open(Ino ino, int flags, Who who, Kill kill) {
    co_await session_.wait_for_lease();
    co_return co_await inner_->open(ino, flags, who, kill);
}

Task<std::vector<Buffer>> Leased::read(HandleId handle, std::uint64_t offset, std::size_t size) {
    co_await session_.wait_for_lease();
    co_return co_await inner_->read(handle, offset, size);
}

Task<std::size_t> Leased::write(HandleId handle, std::uint64_t offset, Buffer data, bool at_offset,
                                Kill kill) {
    co_await session_.wait_for_lease();
    co_return co_await inner_->write(handle, offset, std::move(data), at_offset, kill);
}

Task<std::uint64_t> Leased::seek(HandleId handle, std::uint64_t offset, bool data) {
    co_await session_.wait_for_lease();
    co_return co_await inner_->seek(handle, offset, data);
}

Task<UncertainHole> Leased::uncertain_hole(HandleId handle, std::uint64_t offset, bool data) {
    co_await session_.wait_for_lease();
    co_return co_await inner_->uncertain_hole(handle, offset, data);
}

Task<std::uint64_t> Leased::copy(HandleId from, std::uint64_t from_offset, HandleId to,
                                 std::uint64_t offset, std::uint64_t length, Kill kill) {
    co_await session_.wait_for_lease();
    co_return co_await inner_->copy(from, from_offset, to, offset, length, kill);
}

Task<Buffer> Leased::getxattr(Ino ino, std::string name, Who who) {
    co_await session_.wait_for_lease();
    co_return co_await inner_->getxattr(ino, std::move(name), who);
}

Task<std::vector<std::string>> Leased::listxattr(Ino ino) {
    co_await session_.wait_for_lease();
    co_return co_await inner_->listxattr(ino);
}

}  // namespace flexfs::vfs
