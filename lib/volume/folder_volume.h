// A volume that is kept in a folder, by default with its database beside the data.
#pragma once

#include <memory>

#include "lib/object/address.h"
#include "lib/volume/volume.h"

namespace flexfs::volume {

// As the functions of volume.h, for an address of kind file.
Task<std::unique_ptr<OpenVolume>> open_in_folder(Loop& loop, object::Address address,
                                                 OpenOptions options);
Result<void> check_folder(const object::Address& address, const OpenOptions& options, When when);
Result<void> check_folder_takeover(const object::Address& address, const OpenOptions& options,
                                   const wire::VolumeInfo& served);

}  // namespace flexfs::volume
