#include "lib/process/service_lock.h"

#include <cerrno>
#include <fstream>
#include <thread>
#include <utility>

#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/base/time.h"
#include "lib/process/mount_table.h"

namespace flexfs::process {
namespace {

constexpr Duration turn_patience = std::chrono::minutes(1);
constexpr Duration turn_pause = std::chrono::milliseconds(50);

std::string as_line(const std::string& text) {
    return escape_octal(text, "\n") + "\n";
}

// Returns line `number` of a lock file; empty if there is none. Line 0 is the process id.
std::string line_of(const std::string& path, int number) {
    std::ifstream file(path);
    std::string line;
    for (int i = 0; i <= number; ++i)
        if (!std::getline(file, line)) return {};
    return unescape_octal(line);
}

}  // namespace

Result<ServiceLock> ServiceLock::take(const std::string& path, const std::string& place) {
    TRY(LockFile file, LockFile::take(path, as_line(place)));
    return ServiceLock(std::move(file), place);
}

Result<ServiceLock> ServiceLock::take_in_turn(const std::string& path, const std::string& place,
                                              const std::function<bool(const Holder&)>& serves) {
    const Duration began = monotonic_now();
    for (bool logged = false;;) {
        auto lock = take(path, place);
        if (lock || lock.error().code != EBUSY) return lock;
        const auto found = holder(path);  // none: it has just ended
        if ((found && serves(*found)) || monotonic_now() - began > turn_patience) return lock;
        if (found && !std::exchange(logged, true))
            log::info("waiting until process {} has stored the data of {}", found->pid,
                      found->place);
        std::this_thread::sleep_for(turn_pause);
    }
}

Result<ServiceLock> ServiceLock::take_for_mount(const std::string& path,
                                                const std::string& mount_point) {
    return take_in_turn(path, mount_point,
                        [](const Holder& holder) { return is_mount_point(holder.place); });
}

void ServiceLock::complain(const std::string& sentence) {
    (void)file_.write(as_line(place_) + as_line(sentence));
}

std::optional<ServiceLock::Holder> ServiceLock::holder(const std::string& path) {
    const auto found = LockFile::holder(path);
    if (!found) return std::nullopt;
    return Holder{found->pid, unescape_octal(found->text.substr(0, found->text.find('\n')))};
}

std::string ServiceLock::last_place(const std::string& path) {
    return line_of(path, 1);
}

std::string ServiceLock::last_words(const std::string& path) {
    return line_of(path, 2);
}

}  // namespace flexfs::process
