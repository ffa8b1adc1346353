// Lines of fstab(5): one is added or removed, and all others stay unchanged to the last byte.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace flexfs::conf {

struct FstabLine {
    std::string volume;  // as mount(8) passes it to flexfs
    std::string dir;
    std::string options;  // "nofail,noATime"

    // Returns "VOLUME DIR flexfs OPTIONS 0 0", with blanks and backslashes written in octal.
    std::string text() const;
};

// Returns `fstab` with the line appended. EEXIST, and the sentence quotes the other line: DIR has
// one already (with `replace` that is replaced if it is of type flexfs), or the volume has one for
// another folder. `flags` are those of the command that it advises, such as " --fstab FILE".
Result<std::string> with_line(std::string_view fstab, const FstabLine& line, bool replace,
                              std::string_view flags = {});

// Returns `fstab` without the line that mounts `volume` on `dir`. ENOENT: there is none; a line
// that mounts something else on `dir` is kept.
Result<std::string> without_line(std::string_view fstab, std::string_view volume,
                                 std::string_view dir);

}  // namespace flexfs::conf
