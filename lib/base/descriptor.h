// A file descriptor that closes itself.
#pragma once

#include <utility>

namespace flexfs {

class Descriptor {
public:
    Descriptor() = default;  // holds no descriptor
    // Takes the result of open(2) and the like; a negative number means no descriptor.
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() { close(); }

    int get() const { return fd_; }
    bool valid() const { return fd_ >= 0; }
    // Gives up ownership; the descriptor stays open.
    int release() { return std::exchange(fd_, -1); }
    // As close(2): returns -1 and sets errno if the system reports an error or no descriptor is
    // held.
    int close();

private:
    int fd_ = -1;
};

// Opens /dev/null as those of standard input, output and error that are closed, so that no other
// file gets their numbers and what is meant for them. Called at the start of a program.
void open_standard_descriptors();

}  // namespace flexfs
