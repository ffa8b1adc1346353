// A temporary folder for one test, which is removed with its contents.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "lib/base/check.h"

namespace flexfs {

class TestFolder {
public:
    TestFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "flexfs-test-XXXXXX").string();
        check(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    TestFolder(const TestFolder&) = delete;
    TestFolder& operator=(const TestFolder&) = delete;
    ~TestFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::string& path() const { return path_; }

private:
    std::string path_;
};

}  // namespace flexfs
