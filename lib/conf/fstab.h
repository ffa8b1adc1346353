// Lines of fstab(5): one is added or removed, all others stay as they are to the last byte.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace flexfs::conf {

struct FstabLine {
    std::string volume;  // as mount(8) is to hand it to us
    std::string dir;
    std::string options;  // "_netdev,nofail"

    // "VOLUME DIR flexfs OPTIONS 0 0", blanks and backslashes written in octal.
    std::string text() const;
};

// `fstab` with the line at its end. EEXIST if DIR has a line already (the sentence says which),
// unless `replace`: then it takes that line's place.
Result<std::string> with_line(std::string_view fstab, const FstabLine& line, bool replace);

// `fstab` without the line that mounts `volume` on `dir`. ENOENT: it has none; a DIR that something
// else is mounted on is not touched.
Result<std::string> without_line(std::string_view fstab, std::string_view volume,
                                 std::string_view dir);

}  // namespace flexfs::conf
