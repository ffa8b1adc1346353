#include "lib/process/proc.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "lib/base/descriptor.h"
#include "lib/base/scratch_test.h"

namespace flexfs::process {
namespace {

namespace fs = std::filesystem;

struct Folder {
    TestFolder scratch;
    std::string path = scratch.path();
    Folder() { std::ofstream(path + "/file") << "text"; }

    bool used_by_me() const {
        return std::ranges::any_of(processes_using(path), [](const ProcessName& process) {
            return process.pid == ::getpid() && !process.command.empty();
        });
    }
};

}  // namespace

TEST_CASE("a process is found by its working folder, its open files and its mapped files") {
    const Folder folder, beside;
    CHECK(!folder.used_by_me());

    const fs::path before = fs::current_path();
    fs::current_path(folder.path);
    CHECK(folder.used_by_me());
    fs::current_path(before);
    CHECK(!folder.used_by_me());
    void* mapped = nullptr;
    {
        const Descriptor file(::open((folder.path + "/file").c_str(), O_RDONLY | O_CLOEXEC));
        REQUIRE(file.valid());
        CHECK(folder.used_by_me());
        mapped = ::mmap(nullptr, 4, PROT_READ, MAP_SHARED, file.get(), 0);
        REQUIRE(mapped != MAP_FAILED);
    }
    CHECK(folder.used_by_me());
    CHECK(!beside.used_by_me());
    ::munmap(mapped, 4);
    CHECK(!folder.used_by_me());
}

TEST_CASE("at most three processes are listed by name") {
    std::vector<ProcessName> processes{{12, "vim"}};

    CHECK(list_processes({}).empty());
    CHECK(list_processes(processes) == "process 12 (vim)");
    processes.insert(processes.end(), {{15, "bash"}, {17, "less"}});
    CHECK(list_processes(processes) == "processes 12 (vim), 15 (bash), 17 (less)");
    processes.insert(processes.end(), {{18, "cp"}, {19, "mv"}});
    CHECK(list_processes(processes) == "processes 12 (vim), 15 (bash), 17 (less) and 2 others");
}

TEST_CASE("a process that does not exist has no files") {
    CHECK(command_of(0).empty());
    CHECK(proc_link("none", "cwd").empty());
    CHECK(read_proc("none", "maps").empty());
}

}  // namespace flexfs::process
