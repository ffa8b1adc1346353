// Every change of a volume is a Request: either a request of the metadata protocol that changes
// something, or one of the service's own, which no client can send. Each kind has one list; the
// number in a row identifies the request in records of the log.
#pragma once

#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "lib/wire/operations.h"

namespace flexfs::meta {

using wire::Ino;
using wire::SegmentId;
using wire::SessionId;

// Changes name, compression, inline size, limits and retention. EINVAL: the id or the block size
// differs, or a value is out of range.
struct Configure {
    using Reply = wire::Done;
    wire::VolumeInfo info;
    FLEXFS_FIELDS(info)
};
struct Condemned {
    std::vector<SegmentId> segments;
    FLEXFS_FIELDS(segments)
};
// Selects up to `limit` segments that have had no live bytes since `dead_since` or longer, the
// oldest first, and before them those that were selected earlier and not yet forgotten. No extent
// can refer to them again. Sync the volume before deleting the objects: after a power cut there
// might otherwise be rows that refer to them.
struct CondemnGarbage {
    using Reply = Condemned;
    Time dead_since = 0;
    std::uint64_t limit = 0;
    FLEXFS_FIELDS(dead_since, limit)
};
// Forgets segments whose objects are deleted.
struct ForgetGarbage {
    using Reply = wire::Done;
    std::vector<SegmentId> segments;
    FLEXFS_FIELDS(segments)
};
struct Maintained {
    bool more = false;
    FLEXFS_FIELDS(more)
};
// Continues work that was too long for one call, for about `limit` rows: extents of huge files that
// were deleted or truncated, and resources of ended sessions.
struct Maintain {
    using Reply = Maintained;
    std::uint64_t limit = 1;
    FLEXFS_FIELDS(limit)
};

// Leaves out that many inode numbers and seqs (which also are the versions of small files' data).
// After a power cut clients may know numbers whose assignment was lost with the last records; they
// must not come to mean something else.
struct SkipNumbers {
    using Reply = wire::Done;
    std::uint64_t inodes = 0;
    std::uint64_t seqs = 0;
    FLEXFS_FIELDS(inodes, seqs)
};

template <class R, int number>
struct OwnRequest {
    using Request = R;
    static constexpr wire::Effect effect = wire::Effect::changes(number);
};
using OwnRequests = wire::Messages<OwnRequest<Configure, 16>, OwnRequest<CondemnGarbage, 17>,
                                   OwnRequest<ForgetGarbage, 18>, OwnRequest<Maintain, 19>,
                                   OwnRequest<SkipNumbers, 20>>;

template <class R>
inline constexpr bool is_own_request = []<class... Rows>(wire::Messages<Rows...>) {
    return (std::is_same_v<typename Rows::Request, R> || ...);
}(OwnRequests());

namespace list {

template <int number, class... Rows>
struct Numbered;  // a gap in the numbers does not compile
template <int number, class Row, class... Rest>
struct Numbered<number, Row, Rest...>
    : std::conditional_t<Row::effect.record == number, std::type_identity<typename Row::Request>,
                         Numbered<number, Rest...>> {};

template <class... Rows, int... numbers>
std::variant<typename Numbered<numbers, Rows...>::type...> in_order(
    std::integer_sequence<int, numbers...>);

template <class... Client, class... Own>
auto all(wire::Operations<Client...>, wire::Messages<Own...>) {
    constexpr int count = (0 + ... + (Client::effect.record >= 0)) + int(sizeof...(Own));
    return std::type_identity<decltype(in_order<Client..., Own...>(
        std::make_integer_sequence<int, count>()))>();
}

}  // namespace list

// In the order of their numbers, so that an alternative's index is its number.
using Request = decltype(list::all(wire::Metadata::Requests(), OwnRequests()))::type;
// The numbers never change, because stored replies contain them.
using Reply =
    std::variant<wire::Done, wire::Entry, wire::Removed, wire::Committed, wire::SegmentRange,
                 wire::Session, wire::RangeDone, Condemned, Maintained>;

}  // namespace flexfs::meta
