#include "lib/conf/fstab.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include "lib/base/format.h"
#include "lib/base/text.h"

namespace flexfs::conf {
namespace {

constexpr std::string_view type = "flexfs";

std::string escaped(std::string_view text) {
    return escape_octal(text, " \t\n#");
}

struct Line {
    std::string_view whole;           // with its newline
    std::vector<std::string> fields;  // none for comments and empty lines

    bool mounts_on(std::string_view dir) const { return fields.size() > 1 && fields[1] == dir; }
};

std::vector<Line> parse(std::string_view fstab) {
    std::vector<Line> lines;
    while (!fstab.empty()) {
        Line line{fstab.substr(0, std::min(fstab.find('\n'), fstab.size() - 1) + 1), {}};
        fstab.remove_prefix(line.whole.size());
        std::string_view rest = line.whole;
        constexpr std::string_view blanks = " \t\r\n";
        while (true) {
            rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size()));
            if (rest.empty() || rest[0] == '#') break;
            const auto end = std::min(rest.find_first_of(blanks), rest.size());
            line.fields.push_back(unescape_octal(rest.substr(0, end)));
            rest.remove_prefix(end);
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

}  // namespace

std::string FstabLine::text() const {
    return fmt::format("{} {} {} {} 0 0\n", escaped(volume), escaped(dir), type, options);
}

Result<std::string> with_line(std::string_view fstab, const FstabLine& line, bool replace) {
    std::string out;
    bool written = false;
    std::size_t number = 0;
    for (const Line& old : parse(fstab)) {
        ++number;
        if (!old.mounts_on(line.dir)) {
            out += old.whole;
            continue;
        }
        if (!replace)
            return fail(EEXIST, fmt::format("line {} mounts {} on {}; --force replaces it", number,
                                            old.fields[0], line.dir));
        if (!written) out += line.text();
        written = true;
    }
    if (!out.empty() && out.back() != '\n') out += '\n';
    if (!written) out += line.text();
    return out;
}

Result<std::string> without_line(std::string_view fstab, std::string_view volume,
                                 std::string_view dir) {
    std::string out;
    std::string other;
    bool found = false;
    for (const Line& line : parse(fstab)) {
        const bool ours = line.mounts_on(dir) && line.fields.size() > 2 && line.fields[2] == type &&
                          line.fields[0] == volume;
        if (line.mounts_on(dir) && !ours) other = line.fields[0];
        found = found || ours;
        if (!ours) out += line.whole;
    }
    if (found) return out;
    return fail(ENOENT, other.empty()
                            ? fmt::format("no line mounts {} on {}", volume, dir)
                            : fmt::format("{} is for {}, not for {}", dir, other, volume));
}

}  // namespace flexfs::conf
