// A snapshot of a volume, for long reads on a thread of the pool while the volume is in use.
//
// A new snapshot shows everything that was applied when it was made; after refresh() it shows what
// was committed to the database by then. The log of the database cannot start anew while a snapshot
// is held, and grows with every change. Therefore a long read works in pieces: when a snapshot has
// been held for snapshot_held_max, call refresh() and continue after the last key that was read.
#pragma once

#include <chrono>
#include <memory>
#include <set>

#include "lib/meta/volume.h"

namespace flexfs::meta {

inline constexpr Duration snapshot_held_max = std::chrono::seconds(2);

// Used by one thread at a time, and destroyed before its Volume.
struct FrameUse;

class Snapshot {
public:
    // Used by Volume::snapshot(), on the volume's own thread, with nothing pending.
    static Result<std::unique_ptr<Snapshot>> of(const State& volume);
    ~Snapshot();

    // Moves the snapshot to what is committed now.
    Result<void> refresh();

    // As the functions of Volume.
    Result<wire::Entry> read(const wire::Lookup& request, bool with_data = true);
    Result<wire::Entry> read(const wire::GetAttr& request, bool with_data = true);
    Result<wire::Listing> read(const wire::ReadDir& request);
    Result<wire::Target> read(const wire::ReadLink& request);
    Result<wire::Value> read(const wire::GetXattr& request);
    Result<wire::Names> read(const wire::ListXattr& request);
    Result<wire::ExtentList> read(const wire::Extents& request);
    Result<wire::Statistics> read(const wire::StatFs& request);
    Result<std::vector<SegmentState>> segments(SegmentId after, std::size_t limit);
    // As the functions of lib/meta/locate.h.
    Result<bool> find_uses(const std::set<SegmentId>& segments, Ino& after, std::size_t rows,
                           std::vector<FrameUse>& into);
    Result<std::string> path_of(Ino ino);
    Result<std::string> dump();
    Result<std::vector<std::string>> verify();

private:
    explicit Snapshot(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace flexfs::meta
