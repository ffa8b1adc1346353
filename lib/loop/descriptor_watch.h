// Reports when a descriptor can be read or written, for libraries that bring their own sockets,
// such as libcurl. Our own connections use lib/loop/stream.h.
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
    // Called on the loop, repeatedly while the descriptor is ready, with the wanted directions in
    // which it is ready. An error of the descriptor counts as ready in both. The handler may change
    // the wanted directions and may destroy the watch.
    using Handler = std::function<void(Directions ready)>;

    // The caller keeps the descriptor, which must be a socket, a pipe or the like, and must stay
    // open until the watch is destroyed. There may be one watch per descriptor. No direction is
    // wanted at first.
    DescriptorWatch(Loop& loop, int descriptor, Handler handler);
    ~DescriptorWatch();
    DescriptorWatch(const DescriptorWatch&) = delete;
    DescriptorWatch& operator=(const DescriptorWatch&) = delete;

    // Replaces the wanted directions.
    void want(Directions directions);

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace flexfs::loop
