// The phases of a measurement: large files, small files, metadata.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/time.h"
#include "roles/bench/scratch.h"
#include "roles/bench/workers.h"

namespace flexfs::bench {

struct Sizes {
    std::uint64_t large_bytes = 1 << 30;     // of all large files together
    std::uint64_t files = 10'000;            // files of each kind of small files, and for metadata
    std::vector<std::uint64_t> small_bytes;  // each at most 1 MiB
};

// Random reads end after this time, whatever their number.
inline constexpr Duration random_reads_max = std::chrono::seconds(10);
// The number of small files that are synced one by one.
inline constexpr std::uint64_t synced_files_max = 500;

// Returns the phases in order; each leaves what the next needs. `scratch` must outlive them.
std::vector<Phase> all_phases(const Sizes& sizes, const Scratch& scratch, unsigned threads);

// Returns the most space that all_phases() use at one time.
std::uint64_t bytes_needed(const Sizes& sizes);

}  // namespace flexfs::bench
