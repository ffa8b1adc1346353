// A file descriptor that closes itself.
#pragma once

#include <utility>

namespace flexfs {

class Descriptor {
public:
    Descriptor() = default;  // holds none
    // Takes what open(2) and the like returned; a negative number is none.
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() { close(); }

    int get() const { return fd_; }
    bool valid() const { return fd_ >= 0; }
    // Gives the descriptor away, open.
    int release() { return std::exchange(fd_, -1); }
    // As close(2): -1 with errno where the system had an error left to report, or none is held.
    int close();

private:
    int fd_ = -1;
};

}  // namespace flexfs
