#include "roles/mount/takeover.h"

#include "lib/base/format.h"
#include "lib/base/log.h"
#include "lib/process/image.h"
#include "lib/process/restarter.h"
#include "lib/volume/volume.h"

namespace flexfs::mount {

std::vector<int> Takeover::descriptors() const {
    std::vector<int> all{kernel, mount_lock, volume_lock, own_program};
    std::erase_if(all, [](int descriptor) { return descriptor < 0; });
    return all;
}

std::vector<std::string> Takeover::whole_command() const {
    std::vector<std::string> words{"flexfs", "mount"};
    words.insert(words.end(), command.begin(), command.end());
    return words;
}

Result<Takeover> load_takeover(int memory) {
    TRY(const Buffer bytes, process::load_handover(memory));
    return process::decode_handover<Takeover>(bytes);
}

Result<void> check_takeover(const MountOptions& options) {
    TRY(const Takeover takeover, load_takeover(int(*options.check_takeover)));
    TRY(fuse::check_negotiated(takeover.negotiated));
    TRY(volume::check_takeover({.address = options.volume, .db_folder = options.db_folder},
                               takeover.volume));
    fmt::print("{}", process::takeover_consent);
    return {};
}

void give_back(const Takeover& takeover, int memory, const std::string& why) {
    log::error("this flexfs cannot take over the mount and gives it back: {}", why);
    auto words =
        process::takeover_command(takeover.whole_command(), process::takeover_flag, memory);
    words.push_back("--takeoverFailed=" + why);
    std::vector<int> kept = takeover.descriptors();
    kept.push_back(memory);
    const Error failed = process::become(process::path_of(takeover.own_program), words, kept);
    log::error("cannot give the mount back: {}", failed.message());
}

}  // namespace flexfs::mount
