// The state that the process of a mount passes to the program image that replaces it (`flexfs mount
// restart`): the kernel's queue of requests, which stays open, and everything that the new image
// needs to continue.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/fuse/server.h"
#include "lib/options/options.h"
#include "lib/process/handover.h"
#include "lib/vfs/handed_over.h"

namespace flexfs::mount {

using options::MountOptions;

// Another version of flexfs reads this: fields are only appended.
struct Takeover {
    static constexpr std::string_view magic = "flexfsTO";
    static constexpr std::uint32_t format = 1;

    std::uint64_t restarts = 0;        // number of replacements of the image, including this one
    std::string program;               // the path of the next image
    std::vector<std::string> command;  // the arguments of the previous image, after the role
    bool background = false;           // it logs to the daemon's file
    wire::VolumeInfo volume;
    // The following four are descriptors.
    std::int32_t kernel = -1;       // the queue of requests
    std::int32_t mount_lock = -1;   // of the mount point
    std::int32_t volume_lock = -1;  // what OpenVolume::kept_descriptor() named; -1: none
    std::int32_t own_program = -1;  // the previous program, to return to if the next one fails
    fuse::Negotiated negotiated;
    vfs::HandedOver files;
    FLEXFS_FIELDS(restarts, program, command, background, volume, kernel, mount_lock, volume_lock,
                  own_program, negotiated, files)

    // Returns the descriptors that must stay open.
    std::vector<int> descriptors() const;
    // Returns the whole command line of the next image, its name included.
    std::vector<std::string> whole_command() const;
};

// Reads the memory that the previous image left. EPROTO, with a sentence; EBADF.
Result<Takeover> load_takeover(int memory);

// `--checkTakeover`: prints process::takeover_consent, or returns the reason against a takeover.
Result<void> check_takeover(const MountOptions& options);

// Gives the mount back to the previous image, with the reason. Returns only if that is impossible.
void give_back(const Takeover& takeover, int memory, const std::string& why);

}  // namespace flexfs::mount
