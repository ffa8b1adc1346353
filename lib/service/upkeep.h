// What a volume needs beside answering: freeing huge files in steps, deleting dead segments and
// rewriting mostly dead ones, copying the log. In the background, a bounded piece at a time.
#pragma once

#include "lib/loop/loop.h"
#include "lib/meta/volume.h"
#include "lib/object/store.h"
#include "lib/service/repacker.h"
#include "lib/service/service.h"
#include "lib/service/syncer.h"
#include "lib/task/scope.h"

namespace flexfs::service {

class Upkeep {
public:
    Upkeep(Loop& loop, meta::Volume& volume, object::Store& store, Syncer& syncer, Batch& batch,
           Grants& grants, const Options& options)
        : loop_(loop),
          volume_(volume),
          store_(store),
          syncer_(syncer),
          options_(options),
          repacker_(loop, volume, store, syncer, batch, grants, options) {}

    // From now on by itself.
    void start();
    Task<void> close();

    // At the turn's end: wakes what has become necessary.
    void notice();
    // Whether changes have to wait because the log has become too long.
    bool must_wait();

    // Everything that is due, once.
    Task<void> run();

    std::uint64_t checkpoints() const { return checkpoints_; }
    std::uint64_t deleted() const { return deleted_; }
    std::uint64_t repacked() const { return repacker_.repacked(); }

private:
    bool needs_copying() const;
    Task<void> free_in_steps();
    Task<void> delete_garbage();
    Task<void> checkpoint();

    Task<void> keep_freeing();
    Task<void> keep_deleting();
    Task<void> keep_copying();
    Task<void> keep_settling();
    Task<void> keep_repacking();

    Loop& loop_;
    meta::Volume& volume_;
    object::Store& store_;
    Syncer& syncer_;
    const Options& options_;
    Repacker repacker_;
    bool copying_ = false;
    std::uint64_t copied_bytes_ = 0;  // length of a log that is copied as a whole; 0: none is
    std::uint64_t checkpoints_ = 0;
    std::uint64_t deleted_ = 0;
    task::WaitList to_free_;
    task::WaitList to_copy_;
    task::WaitList to_settle_;
    std::uint64_t settled_ = 0;  // of the syncer's changes
    Scope scope_;
};

}  // namespace flexfs::service
