// Decodes hostile bytes in every way; shared by the fuzz target and the mutation test.
#pragma once

#include "lib/base/check.h"
#include "lib/wire/codec.h"
#include "lib/wire/control.h"
#include "lib/wire/operations.h"

namespace flexfs::wire {

template <class T>
void decode_as(const Buffer& bytes) {
    const Result<T> message = decode<T>(bytes);
    // A decoded message can be encoded, and decodes to the same message again.
    if (!message) check(message.error().code == EPROTO && !message.error().context.empty());
    else check(encode(*decode<T>(encode(*message))) == encode(*message));
}

template <class... Rows>
void decode_all(Operations<Rows...>, const Buffer& bytes) {
    (decode_as<typename Rows::Request>(bytes), ...);
    (decode_as<typename Rows::Request::Reply>(bytes), ...);
}

// Decodes `bytes` as each of the messages; aborts if the codec breaks its contract.
inline void decode_any(const Buffer& bytes) {
    decode_all(Metadata::Requests(), bytes);
    decode_all(Control::Requests(), bytes);
    decode_as<Revoke>(bytes);
    decode_as<Recall>(bytes);
    decode_as<Result<std::variant<Done, Entry>>>(bytes);
}

}  // namespace flexfs::wire
