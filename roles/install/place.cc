#include "roles/install/place.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "lib/base/format.h"

namespace flexfs::install {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> failed(const std::error_code& problem, std::string context) {
    return fail(problem.value(), std::move(context));
}

// `name` appears complete or not at all: the file is made under another name and renamed.
template <class Make>
Result<void> replace(const fs::path& name, Make make) {
    const fs::path made = fmt::format("{}.new-{}", name.string(), getpid());
    std::error_code problem;
    make(made, problem);
    if (!problem) fs::rename(made, name, problem);
    if (!problem) return {};
    std::error_code ignored;
    fs::remove(made, ignored);
    return failed(problem, "cannot write " + name.string());
}

bool same_bytes(const fs::path& a, const fs::path& b) {
    std::error_code problem;
    if (fs::file_size(a, problem) != fs::file_size(b, problem) || problem) return false;
    std::ifstream left(a, std::ios::binary), right(b, std::ios::binary);
    return left && right &&
           std::equal(std::istreambuf_iterator<char>(left), {},
                      std::istreambuf_iterator<char>(right));
}

// Only a link, or a copy of the binary as a user may have made it, can be replaced.
bool is_ours(const fs::path& name, const fs::path& binary) {
    std::error_code problem;
    return fs::is_symlink(name, problem) || same_bytes(name, binary);
}

Result<std::string> link(const fs::path& name, const fs::path& target, const fs::path& binary) {
    std::error_code problem;
    if (fs::read_symlink(name, problem) == target && !problem)
        return fmt::format("{} is up to date", name.string());
    if (fs::exists(fs::symlink_status(name, problem)) && !is_ours(name, binary))
        return explain(EEXIST,
                       fmt::format("{} exists and is not ours; move it away first", name.string()));
    TRY(replace(name, [&](const fs::path& made, std::error_code& why) {
        fs::create_symlink(target, made, why);
    }));
    return fmt::format("{} -> {}", name.string(), target.string());
}

Result<std::string> copy_binary(const fs::path& from, const fs::path& to) {
    std::error_code problem;
    if (fs::is_directory(to, problem))
        return explain(EISDIR, to.string() + " is a folder; move it away first");
    if (fs::equivalent(from, to, problem) || same_bytes(from, to))
        return fmt::format("{} is up to date", to.string());
    TRY(replace(to, [&](const fs::path& made, std::error_code& why) {
        fs::copy_file(from, made, fs::copy_options::overwrite_existing, why);
        if (!why) fs::permissions(made, fs::perms(0755), why);
    }));
    return fmt::format("{} copied from {}", to.string(), from.string());
}

Result<fs::path> folder(const std::string& path) {
    std::error_code problem;
    fs::create_directories(path, problem);
    if (problem) return failed(problem, "cannot use the folder " + path);
    const fs::path whole = fs::canonical(path, problem);
    if (problem) return failed(problem, "cannot use the folder " + path);
    return whole;
}

}  // namespace

Result<void> place(const Plan& plan, std::vector<std::string>& done) {
    const auto note = [&done](std::string line) { done.push_back(std::move(line)); };
    TRY(fs::path prefix, folder(plan.prefix));
    const fs::path binary = prefix / "flexfs";
    TRY(auto copied, copy_binary(plan.binary, binary));
    note(copied);
    for (std::string_view role : plan.roles) {
        TRY(auto linked, link(prefix / fmt::format("{}.flexfs", role), "flexfs", binary));
        note(linked);
    }
    if (plan.sbin.empty()) return {};
    TRY(fs::path sbin, folder(plan.sbin));
    if (sbin == prefix) return {};
    // mount(8) calls the second name for a running mount.
    for (const char* name : {"mount.flexfs", "mount.fuse.flexfs"}) {
        TRY(auto helper, link(sbin / name, binary, binary));
        note(helper);
    }
    return {};
}

}  // namespace flexfs::install
