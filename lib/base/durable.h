// Syncing files, and the names of files, to the disk.
//
// A failed sync is EIO, whatever the system reported, ENOSPC and EDQUOT included: elsewhere those
// mean that nothing was written, while after a failed sync nobody knows. The kernel may have
// dropped the pages that it could not write, so a second sync that succeeds would prove nothing. A
// caller that relies on a file therefore does not sync it again but fails from then on.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace flexfs {

// Syncs the file's data and its size. EIO.
Result<void> sync_data(int fd, const std::string& path);
// Syncs the data and all attributes of a file, or the names in a folder. EIO.
Result<void> sync_file(int fd, const std::string& path);
// Syncs the names in the folder. EIO; the errors of open(2), such as ENOENT and EACCES.
Result<void> sync_folder(const std::string& path);
// Syncs the name of a file that was just made, and the name of the folder that holds it if this
// user may read the folder above. The errors of sync_folder().
Result<void> sync_name_of(const std::string& path);
// Makes the folder (mode 0700) unless it exists, and syncs its name in either case, because a
// process that made the folder may have ended before it synced. The errors of mkdir(2), except
// EEXIST.
Result<void> make_durable_folder(const std::string& path);

// For tests: sees every sync of this process before it is made, from any thread. If `sync` returns
// an errno other than 0, the sync fails with it and nothing is synced. It must not call the
// functions of this header.
class SyncProbe {
public:
    virtual ~SyncProbe() = default;
    virtual int sync(const std::string& path) = 0;
};
// Installs the only probe; null removes it. When it returns, no thread calls the earlier one.
void install_sync_probe(SyncProbe* probe);

}  // namespace flexfs
