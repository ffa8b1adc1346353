#include "lib/conf/conf.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "lib/base/format.h"
#include "lib/base/text.h"

namespace flexfs::conf {
namespace {

// Writes a size in the largest unit that divides it.
std::string exact_size(std::uint64_t bytes) {
    static constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB"};
    const char* unit = nullptr;
    for (const char* larger : units) {
        if (bytes == 0 || bytes % 1024 != 0) break;
        bytes /= 1024;
        unit = larger;
    }
    return fmt::format("{}{}", bytes, unit ? unit : "");
}

Result<void> check_limits(std::string_view value, std::uint64_t parsed, Limits limits,
                          std::string (*shown)(std::uint64_t)) {
    if (parsed >= limits.least && parsed <= limits.most) return {};
    return fail(EINVAL, fmt::format("'{}' is not from {} to {}", value, shown(limits.least),
                                    shown(limits.most)));
}

// An error at a place in a file.
struct Complaint {
    const std::string& file;
    YAML::Mark mark;

    template <class... Args>
    std::unexpected<Error> operator()(fmt::format_string<Args...> format, Args&&... args) const {
        const auto what = fmt::format(format, std::forward<Args>(args)...);
        if (mark.is_null()) return explain(EINVAL, fmt::format("{}: {}", file, what));
        return explain(EINVAL, fmt::format("{}:{}: {}", file, mark.line + 1, what));
    }
};

Result<void> check_format(const YAML::Node& root, const std::string& name, unsigned known) {
    const YAML::Node node = root["format"];
    if (!node) return Complaint{name, YAML::Mark::null_mark()}("the key 'format' is missing");
    const Complaint complain{name, node.Mark()};
    auto format = parse_number(node.IsScalar() ? node.Scalar() : "");
    if (!format || *format == 0) return complain("format: this is no number from 1 to {}", known);
    if (*format > known)
        return fail(EPROTO, fmt::format("{}: made by a newer flexfs (format {}; this one reads up "
                                        "to {})",
                                        name, *format, known));
    return {};
}

Result<void> set_fields(const YAML::Node& root, const std::string& name, const Layout& layout) {
    std::set<std::string> seen;
    for (const auto& entry : root) {
        const Complaint complain{name, entry.first.Mark()};
        const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
        if (!seen.insert(key).second) return complain("the key '{}' is there twice", key);
        if (key == "format" && layout.format > 0) continue;
        const auto field = std::ranges::find(layout.fields, key, &Field::key);
        if (field == layout.fields.end()) {
            std::vector<std::string> keys;
            if (layout.format > 0) keys.push_back("format");
            for (const Field& each : layout.fields) keys.push_back(each.key);
            return complain("unknown key '{}'; the keys are {}", key, fmt::join(keys, ", "));
        }
        if (!entry.second.IsScalar()) return complain("{}: this must be one plain value", key);
        if (auto set = field->set(entry.second.Scalar()); !set)
            return complain("{}: {}", key, set.error().context);
    }
    for (const Field& field : layout.fields)
        if (field.required && !seen.contains(field.key))
            return Complaint{name, YAML::Mark::null_mark()}("the key '{}' is missing", field.key);
    return {};
}

}  // namespace

Field text(std::string key, std::string& value) {
    return {std::move(key),
            [&value](std::string_view given) -> Result<void> {
                value = given;
                return {};
            },
            [&value] { return value; }};
}

Field flag(std::string key, bool& value) {
    return {std::move(key),
            [&value](std::string_view given) -> Result<void> {
                if (given != "true" && given != "false")
                    return fail(EINVAL, fmt::format("'{}' is neither true nor false", given));
                value = given == "true";
                return {};
            },
            [&value] { return value ? "true" : "false"; }};
}

Field number(std::string key, std::uint64_t& value, Limits limits) {
    return {std::move(key),
            [&value, limits](std::string_view given) -> Result<void> {
                TRY(auto parsed, parse_number(given));
                TRY(check_limits(given, parsed, limits,
                                 [](std::uint64_t n) { return std::to_string(n); }));
                value = parsed;
                return {};
            },
            [&value] { return std::to_string(value); }};
}

Field size(std::string key, std::uint64_t& value, Limits limits) {
    return {std::move(key),
            [&value, limits](std::string_view given) -> Result<void> {
                TRY(auto parsed, parse_size(given));
                TRY(check_limits(given, parsed, limits, exact_size));
                value = parsed;
                return {};
            },
            [&value] { return exact_size(value); }};
}

Field time(std::string key, Time& value) {
    return {std::move(key),
            [&value](std::string_view given) -> Result<void> {
                TRY(value, parse_time(given));
                return {};
            },
            [&value] { return format_time(value); }};
}

Field choice(std::string key, std::string& value, std::vector<std::string> words) {
    return {std::move(key),
            [&value, words = std::move(words)](std::string_view given) -> Result<void> {
                if (std::ranges::find(words, given) == words.end())
                    return fail(EINVAL, fmt::format("'{}' is not one of {}", given,
                                                    fmt::join(words, ", ")));
                value = given;
                return {};
            },
            [&value] { return value; }};
}

Field required(Field field) {
    field.required = true;
    return field;
}

Result<void> load(const std::string& path, const Layout& layout) {
    TRY(auto yaml, read_file(path));
    return parse(yaml, path, layout);
}

Result<void> parse(std::string_view yaml, const std::string& name, const Layout& layout) {
    try {
        const YAML::Node root = YAML::Load(std::string(yaml));
        if (root.IsDefined() && !root.IsNull() && !root.IsMap())
            return Complaint{name, root.Mark()}("this is not a list of keys and values");
        if (layout.format > 0) TRY(check_format(root, name, layout.format));
        return set_fields(root, name, layout);
    } catch (const YAML::Exception& problem) {
        return Complaint{name, problem.mark}("this is not YAML: {}", problem.msg);
    }
}

std::string print(const Layout& layout) {
    YAML::Emitter out;
    out << YAML::BeginMap;
    if (layout.format > 0) out << YAML::Key << "format" << YAML::Value << layout.format;
    for (const Field& field : layout.fields)
        out << YAML::Key << field.key << YAML::Value << field.get();
    out << YAML::EndMap;
    return std::string(out.c_str(), out.size()) + "\n";
}

Result<void> save(const std::string& path, const Layout& layout, Access access) {
    return replace_file(path, print(layout), access);
}

}  // namespace flexfs::conf
