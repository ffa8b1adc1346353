// The outcome of a request that changes something, as far as its sender may rely on it.
//
// Errors of requests that certainly were not executed are marked (Error::refused). Only that mark
// makes an error a refusal: the outcome of a request that failed on the way, or after it was
// applied, is `unknown`.
#pragma once

#include "lib/base/result.h"
#include "lib/wire/messages.h"

namespace flexfs::wire {

enum class Fate {
    applied,  // it happened, and is as durable as the reply promises
    refused,  // nothing happened, and nothing will: what the request referred to may be deleted
    unknown,  // it may have happened or may still happen, or it happened and may not be durable
};

template <class T>
Fate fate_of(const Result<T>& reply) {
    if (reply) return Fate::applied;
    return reply.error().refused ? Fate::refused : Fate::unknown;
}

// Returns the outcome for the inode at place `at` of a Commit.
inline Fate fate_of(const Result<Committed>& reply, std::size_t at) {
    if (!reply) return fate_of(reply);
    if (at >= reply->errors.size()) return Fate::unknown;
    return reply->errors[at] == 0 ? Fate::applied : Fate::refused;
}

// Returns true if each of the `inodes` inodes of a Commit was refused, so that nothing refers to
// the segments that it listed, and nothing will.
inline bool all_refused(const Result<Committed>& reply, std::size_t inodes) {
    for (std::size_t at = 0; at < inodes; ++at)
        if (fate_of(reply, at) != Fate::refused) return false;
    return true;
}

}  // namespace flexfs::wire
