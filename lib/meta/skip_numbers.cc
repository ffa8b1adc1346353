#include "lib/meta/operations.h"

namespace flexfs::meta {

// Skipped inode numbers count as deleted inodes: see Counters.
Result<wire::Done> skip_numbers(Txn& tx, const SkipNumbers& request) {
    Counters& counters = tx.counters();
    counters.next_ino += request.inodes;
    counters.deleted += request.inodes;
    counters.ino_floor = counters.next_ino - 1;
    counters.next_seq += request.seqs;
    return wire::Done{};
}

}  // namespace flexfs::meta
