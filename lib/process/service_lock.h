// The lock of a process that serves something at a place: a mount point, the folder of a volume.
// Its file shows other processes who serves, and afterwards what went wrong at the end.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "lib/base/lock_file.h"

namespace flexfs::process {

// Held until it is destroyed or the process ends, however it ends.
class ServiceLock {
public:
    struct Holder {
        pid_t pid = 0;      // 0: not written yet
        std::string place;  // for example the mount point
    };

    // Takes the lock. EBUSY: another process holds it; holder() returns which. Also fails with the
    // errors of open(2).
    static Result<ServiceLock> take(const std::string& path, const std::string& place);
    // As take(), but if a process that no longer serves holds the lock, waits until it has finished
    // its work, for a minute at most. EBUSY once `serves` is true of the holder. Blocks.
    static Result<ServiceLock> take_in_turn(const std::string& path, const std::string& place,
                                            const std::function<bool(const Holder&)>& serves);
    // As take_in_turn(), for the process of a mount on `mount_point`: a holder serves as long as
    // its place is a mount point.
    static Result<ServiceLock> take_for_mount(const std::string& path,
                                              const std::string& mount_point);
    // Takes over the lock that an earlier image of this process left open in `descriptor`.
    static ServiceLock adopt(int descriptor, std::string place) {
        return {LockFile::adopt(Descriptor(descriptor)), std::move(place)};
    }

    // Leaves a sentence about what went wrong for processes that wait for the end; it replaces an
    // earlier one. A failure to write it is ignored, because the log has it, too.
    void complain(const std::string& sentence);
    int descriptor() const { return file_.descriptor(); }

    // Returns the holder of the lock at `path`, if there is one.
    static std::optional<Holder> holder(const std::string& path);
    // Returns the place that the present or last holder served; empty if there never was one.
    static std::string last_place(const std::string& path);
    // Returns the complaint of the last holder; empty if it left none.
    static std::string last_words(const std::string& path);

private:
    ServiceLock(LockFile file, std::string place)
        : file_(std::move(file)), place_(std::move(place)) {}
    LockFile file_;
    std::string place_;
};

}  // namespace flexfs::process
