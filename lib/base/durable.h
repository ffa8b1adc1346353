// Syncing files, and the names of files, to the disk.
//
// A failed sync is EIO, whatever the system said, ENOSPC and EDQUOT included: those mean elsewhere
// that nothing was written, while after a failed sync nobody knows. The kernel may have dropped the
// pages that it could not write, so a second sync that succeeds would prove nothing: whoever relies
// on a file does not sync it again but fails from then on.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace flexfs {

// The data of the file is on disk, and its size. EIO.
Result<void> sync_data(int fd, const std::string& path);
// The same with all else that belongs to it; of a folder, the names in it. EIO.
Result<void> sync_file(int fd, const std::string& path);
// The names in the folder are on disk. EIO; ENOENT, EACCES, … where it cannot be opened.
Result<void> sync_folder(const std::string& path);
// To be called when a file was made: its name is on disk, and the name of the folder that holds
// it, if this user may read the folder above. As sync_folder().
Result<void> sync_name_of(const std::string& path);
// Makes the folder (mode 0700) if it is not there; its name is on disk in either case, for it may
// have been made by a process that ended before it synced. The errors of mkdir(2), except EEXIST.
Result<void> make_durable_folder(const std::string& path);

// For tests: sees every sync of this process before it is made, from any thread. What `sync`
// returns, unless it is 0, becomes the sync's errno, and nothing is synced.
class SyncProbe {
public:
    virtual ~SyncProbe() = default;
    virtual int sync(const std::string& path) = 0;
};
// At most one at a time; null: none. It must outlive its use.
void install_sync_probe(SyncProbe* probe);

}  // namespace flexfs
