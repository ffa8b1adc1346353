#include "lib/cloud/secret_files.h"

#include <sys/stat.h>

#include <cerrno>

#include "lib/cloud/answer.h"
#include "lib/conf/file.h"
#include "lib/loop/pool.h"

namespace flexfs::cloud {

Task<std::string> read_secret_file(Loop& loop, std::string path) {
    auto text = co_await result(offload(loop, [&path] { return conf::read_file(path); }));
    if (!text) co_return explain(EACCES, text.error().message());
    co_return std::move(*text);
}

Task<std::string> read_token_file(Loop& loop, std::string path) {
    std::string text = co_await read_secret_file(loop, path);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
        text.pop_back();
    if (text.empty() || !fits_header(text))
        co_return explain(EACCES, path + " does not hold a token in one line");
    co_return text;
}

WatchedFiles::Stamp WatchedFiles::stamp_of(const std::string& path) {
    struct stat attr;
    if (::stat(path.c_str(), &attr) != 0) return {};
    return {attr.st_ino, attr.st_size, attr.st_mtim.tv_sec, attr.st_mtim.tv_nsec};
}

void WatchedFiles::note(std::vector<std::string> paths) {
    paths_ = std::move(paths);
    stamps_.clear();
    for (const std::string& path : paths_) stamps_.push_back(stamp_of(path));
}

bool WatchedFiles::changed() const {
    for (std::size_t i = 0; i < paths_.size(); ++i)
        if (stamp_of(paths_[i]) != stamps_[i]) return true;
    return false;
}

}  // namespace flexfs::cloud
