// Housekeeping of a volume's stored segments: dead ones are deleted, mostly dead ones are
// rewritten. It runs in the background, in bounded steps.
#pragma once

#include "lib/loop/loop.h"
#include "lib/meta/volume.h"
#include "lib/object/store.h"
#include "lib/service/service.h"
#include "lib/task/scope.h"
#include "lib/upkeep/options.h"
#include "lib/upkeep/repacker.h"

namespace flexfs::upkeep {

// For metrics and tests.
struct Counters {
    std::uint64_t segments_deleted = 0;
    std::uint64_t segments_repacked = 0;
};

class Housekeeper {
public:
    // Starts the background tasks. All arguments except the options must outlive the housekeeper.
    Housekeeper(Loop& loop, service::Service& service, meta::Volume& volume, object::Store& store,
                Options options = {});
    // Stops the background tasks. Must be called before the service is closed.
    Task<void> close() { return scope_.close(); }

    Counters counters() const { return {deleted_, repacker_.repacked()}; }

    // For tests: does everything that is due, once. Returns the first error.
    Task<void> run();

private:
    Task<void> delete_garbage();
    Task<void> keep_deleting();
    Task<void> keep_repacking();

    Loop& loop_;
    service::Service& service_;
    meta::Volume& volume_;
    object::Store& store_;
    const Options options_;
    Repacker repacker_;
    std::uint64_t deleted_ = 0;
    Scope scope_;
};

}  // namespace flexfs::upkeep
