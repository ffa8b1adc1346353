// Handles segments without live bytes, from the moment the last live byte is gone until their
// objects are deleted.
#include <algorithm>

#include "lib/meta/operations.h"

namespace flexfs::meta {
namespace {

constexpr std::uint64_t condemned_segments_max = 4096;  // in one call

}  // namespace

Result<Condemned> condemn_garbage(Txn& tx, const CondemnGarbage& request) {
    Condemned condemned_now;
    {
        const auto limit = std::min<std::uint64_t>(request.limit, condemned_segments_max);
        db::Query query(tx.st().garbage_due, request.dead_since, limit);
        for (;;) {
            TRY(bool row, query.next());
            if (!row) break;
            condemned_now.segments.push_back(query.number(0));
        }
    }
    for (SegmentId segment : condemned_now.segments)
        TRY(tx.st().garbage_add.run(segment, condemned));
    return condemned_now;
}

Result<wire::Done> forget_garbage(Txn& tx, const ForgetGarbage& request) {
    for (SegmentId segment : request.segments) {
        TRY(tx.st().garbage_erase.run(segment));
        TRY(tx.st().segment_erase.run(segment));
    }
    return wire::Done{};
}

}  // namespace flexfs::meta
