// What a mount's process leaves to the image of the program that replaces it in place (`flexfs
// mount restart`): the kernel's queue of requests, which stays open, and all that must be known to
// go on answering it. It lies in memory behind a descriptor. The next image may be of another
// version: in one format fields are only appended, and the next image is asked before.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/result.h"
#include "lib/fuse/server.h"
#include "lib/vfs/handed_over.h"
#include "roles/mount/options.h"

namespace flexfs::mount {

// What a program says that can take over.
inline constexpr std::string_view takeover_consent = "flexfs can take over\n";

struct Takeover {
    std::uint64_t restarts = 0;        // how often the image was replaced, this time included
    std::string program;               // where the next one is looked for
    std::vector<std::string> command;  // that started the one before, without its name
    bool background = false;           // it logs to the daemon's file
    wire::VolumeInfo volume;
    // Descriptors.
    std::int32_t kernel = -1;       // the queue
    std::int32_t mount_lock = -1;   // of the mount point
    std::int32_t volume_lock = -1;  // of the volume's folder
    std::int32_t own_program = -1;  // the program before: to return to when the next cannot go on
    fuse::Negotiated negotiated;
    vfs::HandedOver files;
    FLEXFS_FIELDS(restarts, program, command, background, volume, kernel, mount_lock, volume_lock,
                  own_program, negotiated, files)

    std::vector<int> descriptors() const { return {kernel, mount_lock, volume_lock, own_program}; }
};

// As it lies in memory: "flexfsTO", the format (u32), a message of lib/wire.
Buffer encode_takeover(const Takeover& takeover);
// EPROTO, with a sentence: not a takeover, or of another format.
Result<Takeover> decode_takeover(const Buffer& bytes);

// A descriptor of memory that holds it; the caller's to close. ENOMEM, EMFILE.
Result<int> save_takeover(const Takeover& takeover);
Result<Takeover> load_takeover(int memory);

// The arguments with which a program goes on from `memory` (or "--checkTakeover": tells whether it
// could), argv[0] included.
std::vector<std::string> takeover_command(const Takeover& takeover, const char* flag, int memory);

// `--checkTakeover`: prints takeover_consent, or gives the reason.
Result<void> check_takeover(const MountOptions& options);

// Gives the mount back to the image before this one, which tells `why`. Returns only where that is
// impossible.
void give_back(const Takeover& takeover, int memory, const std::string& why);

}  // namespace flexfs::mount
