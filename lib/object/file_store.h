// Stores objects as files under a folder: the object `a/b` is the file FOLDER/a/b. Several
// processes may use one folder at the same time, also from several machines if the filesystem
// supports that.
//
// A put writes FOLDER/.put/RANDOM, syncs it, renames it, and syncs the folder that then contains
// it. Files that a killed process left in .put are removed by the next process that opens the
// folder: a file that is not locked has no writer.
#pragma once

#include <memory>

#include "lib/loop/loop.h"
#include "lib/object/store.h"

namespace flexfs::object {

// The blocking half: plain calls that several threads may make concurrently.
class Folder;

class FileStore final : public Store {
public:
    // Creates the folder (not its parents) if it is missing. Blocks on the disk. ENOTDIR, ENOENT,
    // EACCES, EROFS, ENOSPC, with a sentence.
    static Result<std::unique_ptr<Store>> open(Loop& loop, std::string folder);
    ~FileStore() override;

    Task<void> put(std::string key, std::vector<Buffer> pieces) override;
    Task<Buffer> get(std::string key, std::uint64_t offset, std::size_t size) override;
    // Small ranges that are in the page cache are read without the pool.
    Task<std::vector<Buffer>> get_ranges(std::string key, std::vector<ByteRange> ranges) override;
    Task<Buffer> get(std::string key) override;
    Task<std::uint64_t> size(std::string key) override;
    Task<void> remove(std::vector<std::string> keys) override;
    Task<Page> list(std::string prefix, std::string after, std::size_t limit) override;
    // Also excludes other processes that use the folder, if they use put_if().
    Task<Versioned> get_versioned(std::string key) override;
    Task<std::string> put_if(std::string key, Buffer content, std::string tag) override;
    Task<Space> space() override;
    Counters counters() const override { return counters_; }
    std::string describe() const override;

private:
    FileStore(Loop& loop, std::unique_ptr<Folder> folder);

    Loop& loop_;
    std::unique_ptr<Folder> folder_;
    Counters counters_;
};

}  // namespace flexfs::object
