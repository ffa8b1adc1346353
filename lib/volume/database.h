// The database of an embedded volume, beside the files of its folder.
#pragma once

#include <memory>
#include <string>

#include "lib/meta/volume.h"
#include "lib/service/service.h"
#include "lib/upkeep/options.h"
#include "lib/volume/volume.h"

namespace flexfs::volume {

std::string database_path(const std::string& db_folder);

// Opens the database in the folder, or, if the volume is fresh, creates it, with a durable name.
// `place` names the volume to users. ENOENT: there is none; EEXIST: the database is that of another
// volume, also errors of meta::Volume::open(). Blocks.
struct Described {
    wire::VolumeInfo info;
    bool fresh = false;  // the place holds no volume yet
};
Result<std::unique_ptr<meta::Volume>> open_database(const std::string& db_folder,
                                                    const std::string& place,
                                                    const Described& described,
                                                    const OpenOptions& options);

// How the service and its housekeeping treat a volume whose only client is in this process.
service::Options service_options(const std::string& db_folder, const OpenOptions& options);
upkeep::Options upkeep_options(const OpenOptions& options);

}  // namespace flexfs::volume
