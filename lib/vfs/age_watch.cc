#include "lib/vfs/age_watch.h"

#include <utility>

#include "lib/base/format.h"
#include "lib/base/text.h"

namespace flexfs::vfs {
namespace {

constexpr Duration line_pause = std::chrono::minutes(1);

}  // namespace

std::string AgeWatch::look(const Unstored& unstored, Duration now) {
    const bool was_late = std::exchange(late_, unstored.age > bound_);
    if (late_ && !was_late) ++count_;
    if (!late_ || count_ == logged_ || now < next_line_) return {};
    const std::uint64_t times = count_ - std::exchange(logged_, count_);
    next_line_ = now + line_pause;
    std::string line = fmt::format("{} are not stored yet, the oldest for {}; the bound is {}",
                                   format_size(unstored.bytes), format_duration(unstored.age),
                                   format_duration(bound_));
    if (times > 1) line += fmt::format(", exceeded {} times since the last such line", times);
    if (!unstored.trouble.empty()) line += ": " + unstored.trouble;
    return line;
}

}  // namespace flexfs::vfs
