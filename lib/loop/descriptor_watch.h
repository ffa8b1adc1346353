// Says when a descriptor can be read or written: for libraries that bring their own sockets, such
// as libcurl. lib/loop/stream.h is what our own connections use.
#pragma once

#include <functional>
#include <memory>

#include "lib/loop/loop.h"

namespace flexfs::loop {

struct Directions {
    bool read = false;
    bool write = false;
    bool operator==(const Directions&) const = default;
};

class DescriptorWatch {
public:
    // Called on the loop, with the wanted directions in which the descriptor is ready, again and
    // again as long as it is; an error of the descriptor counts as ready in both. May change what
    // is wanted, and may destroy the watch.
    using Handler = std::function<void(Directions ready)>;

    // The descriptor stays the caller's, must be a socket, a pipe or the like, and must stay open
    // until the watch is destroyed. One watch per descriptor. Wants nothing at first.
    DescriptorWatch(Loop& loop, int descriptor, Handler handler);
    ~DescriptorWatch();
    DescriptorWatch(const DescriptorWatch&) = delete;
    DescriptorWatch& operator=(const DescriptorWatch&) = delete;

    // Replaces what was wanted before.
    void want(Directions directions);

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace flexfs::loop
