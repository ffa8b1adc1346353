// Replaces the process image of a running mount by the program that is at its path now: the old one
// itself, or an upgrade. The mount, and all that programs have open in it, stay; their calls wait
// meanwhile.
#pragma once

#include <string>

#include "lib/fuse/server.h"
#include "lib/loop/loop.h"
#include "lib/vfs/vfs.h"
#include "roles/mount/embedded.h"
#include "roles/mount/takeover.h"

namespace flexfs::mount {

class Restarter {
public:
    // What is replaced; must outlive it.
    struct Subjects {
        Loop& loop;
        const MountOptions& options;
        Embedded& embedded;
        vfs::Filesystem& client;
        fuse::Server& server;
        const LockFile& mount_lock;
        const bool& leaving;  // the mount was told to stop
        int kernel;           // descriptor
    };
    // What the image before this one was, where there was one; else the path of this program.
    struct Origin {
        std::uint64_t restarts = 0;
        std::string program;
        bool background = false;
    };
    Restarter(Subjects subjects, Origin origin) : subjects_(subjects), origin_(std::move(origin)) {}

    std::uint64_t restarts() const { return origin_.restarts; }
    bool leaving() const { return subjects_.leaving; }
    // Why the last restart gave the mount back to this image; empty: it did not.
    const std::string& refused() const { return subjects_.options.takeover_failed; }

    // Does not return when it works: then the next image answers. Else the mount goes on as it was,
    // and this is the reason, a sentence. ECANCELED: it was stopped in time.
    Task<std::string> restart();

private:
    Task<void> attempt();
    Task<void> go_over();
    Takeover describe() const;
    Task<void> check_next(Takeover takeover);
    Task<void> store(Duration patience);
    Task<void> stand_still();
    Result<void> replace(Takeover takeover);

    Subjects subjects_;
    Origin origin_;
    bool running_ = false;
};

}  // namespace flexfs::mount
