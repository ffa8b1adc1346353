#include "lib/block/hash.h"

#include <xxhash.h>

#include <new>

namespace flexfs::block {

std::uint64_t hash_of(ByteView bytes) {
    return XXH3_64bits(bytes.data(), bytes.size());
}

void Hash::Free::operator()(XXH3_state_s* state) const {
    XXH3_freeState(state);
}

Hash::Hash() : state_(XXH3_createState()) {
    if (!state_) throw std::bad_alloc();
    XXH3_64bits_reset(state_.get());
}

Hash& Hash::add(ByteView bytes) {
    XXH3_64bits_update(state_.get(), bytes.data(), bytes.size());
    return *this;
}

std::uint64_t Hash::value() const {
    return XXH3_64bits_digest(state_.get());
}

}  // namespace flexfs::block
