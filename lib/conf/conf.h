// Settings in a YAML file of keys and plain values, read into and written from a struct by a list
// of its fields. The gate for yaml-cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/base/time.h"
#include "lib/conf/file.h"

namespace flexfs::conf {

// One key. The value that it reads and writes must outlive it.
struct Field {
    std::string key;
    // EINVAL with a sentence that describes a valid value.
    std::function<Result<void>(std::string_view)> set;
    std::function<std::string()> get;
    bool required = false;
};

struct Limits {
    std::uint64_t least = 0;
    std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
};

Field text(std::string key, std::string& value);
Field flag(std::string key, bool& value);
Field number(std::string key, std::uint64_t& value, Limits limits = {});
Field size(std::string key, std::uint64_t& value, Limits limits = {});  // written as "4MiB"
Field time(std::string key, Time& value);                               // RFC 3339
Field choice(std::string key, std::string& value, std::vector<std::string> words);
Field required(Field field);

// The keys that a file may have. With `format` n > 0 the file's first key is `format`, and files of
// formats up to n can be read.
struct Layout {
    std::vector<Field> fields;
    unsigned format = 0;
};

// Sets the fields that the file has; the others keep their value. Errors name file, line and key:
// EINVAL (not YAML; an unknown, repeated, missing or wrong key), EPROTO (a newer format), and those
// of read_file().
Result<void> load(const std::string& path, const Layout& layout);
// Reads from text; `name` is the file's name in errors.
Result<void> parse(std::string_view yaml, const std::string& name, const Layout& layout);

// Writes all fields, in their order, with replace_file().
Result<void> save(const std::string& path, const Layout& layout, Access access);
std::string print(const Layout& layout);

}  // namespace flexfs::conf
