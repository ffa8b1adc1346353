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

std::string_view without_slash(std::string_view dir) {
    while (dir.size() > 1 && dir.ends_with('/')) dir.remove_suffix(1);
    return dir;
}

struct Line {
    std::string_view whole;           // with its newline
    std::vector<std::string> fields;  // none for comments and empty lines

    bool is_ours() const { return fields.size() > 2 && fields[2] == type; }
    bool mounts_on(std::string_view dir) const {
        return fields.size() > 1 && without_slash(fields[1]) == without_slash(dir);
    }
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

Result<std::string> with_line(std::string_view fstab, const FstabLine& line, bool replace,
                              std::string_view flags) {
    std::string out;
    bool written = false;
    std::size_t number = 0;
    for (const Line& old : parse(fstab)) {
        ++number;
        if (!old.mounts_on(line.dir)) {
            if (old.is_ours() && old.fields[0] == line.volume)
                return fail(EEXIST,
                            fmt::format("line {0} mounts {1} on {2} already, and a volume can be "
                                        "mounted only once; remove that line with `flexfs mount "
                                        "deinit fstab {1} {2}{3}`",
                                        number, line.volume, old.fields[1], flags));
            out += old.whole;
            continue;
        }
        if (!old.is_ours())
            return fail(EEXIST, fmt::format("line {} mounts {}, which is no flexfs volume, on {}; "
                                            "give another folder, or remove that line by hand",
                                            number, old.fields[0], line.dir));
        if (!replace)
            return fail(EEXIST, fmt::format("line {} mounts {} on {} already; --force replaces it",
                                            number, old.fields[0], line.dir));
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
        const bool ours = line.mounts_on(dir) && line.is_ours() && line.fields[0] == volume;
        if (line.mounts_on(dir) && !ours) other = line.fields[0];
        found = found || ours;
        if (!ours) out += line.whole;
    }
    if (found) return out;
    return fail(ENOENT, other.empty() ? fmt::format("no line mounts {} on {}", volume, dir)
                                      : fmt::format("{} is the mount point of {}, not of {}", dir,
                                                    other, volume));
}

}  // namespace flexfs::conf
