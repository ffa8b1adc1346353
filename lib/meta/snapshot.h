// One moment of a volume, for reads that take long: on a thread of the pool, beside the volume.
//
// A snapshot shows what was applied when it was made, or at the last refresh() what was committed
// to the database by then. The log of the database cannot start anew while a snapshot holds its
// moment, and grows with every change. So whoever reads for long does it in pieces: when a snapshot
// has held its moment for snapshot_held_max, refresh() it and go on from the last key that was
// read.
#pragma once

#include <chrono>
#include <memory>

#include "lib/meta/volume.h"

namespace flexfs::meta {

inline constexpr Duration snapshot_held_max = std::chrono::seconds(2);

// Used by one thread at a time, and destroyed before its Volume.
class Snapshot {
public:
    // For Volume::snapshot(): on the volume's own thread, with nothing pending.
    static Result<std::unique_ptr<Snapshot>> of(const State& volume);
    ~Snapshot();

    // Moves on to what is committed now.
    Result<void> refresh();

    // As those of Volume.
    Result<wire::Entry> read(const wire::Lookup& request, bool with_data = true);
    Result<wire::Entry> read(const wire::GetAttr& request, bool with_data = true);
    Result<wire::Listing> read(const wire::ReadDir& request);
    Result<wire::Target> read(const wire::ReadLink& request);
    Result<wire::Value> read(const wire::GetXattr& request);
    Result<wire::Names> read(const wire::ListXattr& request);
    Result<wire::ExtentList> read(const wire::Extents& request);
    Result<wire::Statistics> read(const wire::StatFs& request);
    Result<std::vector<SegmentState>> segments(SegmentId after, std::size_t limit);
    Result<std::string> dump();
    Result<std::vector<std::string>> verify();

private:
    explicit Snapshot(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace flexfs::meta
