// The checksum of this folder's formats: XXH3-64.
#pragma once

#include <cstdint>
#include <memory>

#include "lib/base/bytes.h"

struct XXH3_state_s;

namespace flexfs::block {

// XXH3-64 of contiguous bytes.
std::uint64_t hash_of(ByteView bytes);

// XXH3-64 of bytes that need not be contiguous.
class Hash {
public:
    Hash();
    Hash& add(ByteView bytes);
    std::uint64_t value() const;

private:
    struct Free {
        void operator()(XXH3_state_s* state) const;
    };
    std::unique_ptr<XXH3_state_s, Free> state_;
};

}  // namespace flexfs::block
