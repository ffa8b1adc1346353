// Golden bytes: a representative value of each message is encoded and compared with a text file
// beside the test, so that no layout changes by accident. This command writes the file anew:
//
//     FLEXFS_GOLDEN=write build/release/lib/X_test -tc='*golden*'
//
// where X is wire, rpc, db or meta; the diff of the file then shows what changed.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "lib/base/format.h"
#include "lib/wire/codec.h"
#include "lib/wire/table.h"

namespace flexfs::wire {

// Gives every field a value of its own: numbers count up, lists have two elements.
class Filler {
public:
    void fill(bool& value) { value = true; }
    void fill(std::string& text) { text = fmt::format("text{}", next_++); }
    void fill(Buffer& bytes) { bytes = Buffer::copy_of(fmt::format("bytes{}", next_++)); }
    template <Number T>
    void fill(T& value) {
        value = T(next_++);
    }
    template <Enum T>
    void fill(T& value) {
        value = enum_last<T>;
    }
    template <class T>
    void fill(std::vector<T>& items) {
        items.resize(2);
        for (T& item : items) fill(item);
    }
    template <class T>
    void fill(Result<T>& outcome) {
        fill(outcome.emplace());
    }
    template <Struct T>
    void fill(T& message) {
        std::apply([this](auto&... field) { (this->fill(field), ...); }, message.fields());
    }

private:
    std::uint64_t next_ = 1;
};

template <class T>
T filled() {
    T value{};
    Filler().fill(value);
    return value;
}

// Lines of "NAME HEX", in the order in which they were added.
class Golden {
public:
    template <class T>
    void add(const std::string& name, const T& value) {
        const Buffer bytes = encode(value);
        add_bytes(name, bytes);
        // Decoding returns the value that was encoded.
        const auto decoded = decode<T>(bytes);
        REQUIRE_MESSAGE(decoded, name);
        CHECK_MESSAGE(encode(*decoded).text() == bytes.text(), name);
    }
    void add_bytes(const std::string& name, const Buffer& bytes) {
        std::string line = name + " ";
        for (const std::byte byte : bytes.view()) line += fmt::format("{:02x}", unsigned(byte));
        lines_.push_back(line);
    }
    template <class... Rows>
    void add_operations(Operations<Rows...>) {
        (add(fmt::format("request {} {}", op_of<typename Rows::Request>, Rows::name),
             filled<typename Rows::Request>()),
         ...);
        (add(fmt::format("reply {} {}", op_of<typename Rows::Request>, Rows::name),
             filled<typename Rows::Request::Reply>()),
         ...);
    }
    template <class... M>
    void add_pushes(Messages<M...>) {
        (add(fmt::format("push {}", op_of<M>), filled<M>()), ...);
    }

    // Compares with the file `name` in the folder of `source`, the test's __FILE__.
    void compare(const char* source, const char* name) const {
        // Paths of sources are relative to the build folder, which contains lib/X_test.
        const auto build = std::filesystem::read_symlink("/proc/self/exe").parent_path();
        const auto path = (build.parent_path() / source).parent_path() / name;
        const char* mode = std::getenv("FLEXFS_GOLDEN");
        if (mode && mode == std::string("write")) {
            std::ofstream file(path);
            for (const std::string& line : lines_) file << line << '\n';
            REQUIRE(file.flush());
        }
        std::ifstream file(path);
        REQUIRE_MESSAGE(file, path.string());
        std::vector<std::string> golden;
        for (std::string line; std::getline(file, line);) golden.push_back(line);
        CHECK(golden.size() == lines_.size());
        for (std::size_t i = 0; i < std::min(golden.size(), lines_.size()); ++i)
            CHECK(golden[i] == lines_[i]);
    }

private:
    std::vector<std::string> lines_;
};

}  // namespace flexfs::wire
