// Objects as files under a folder: the object `a/b` is the file FOLDER/a/b. Several processes, on
// several machines where the filesystem allows it, may use one folder at the same time.
//
// A put writes FOLDER/.put/RANDOM, syncs it, renames it and syncs the folder it is in now. What a
// killed process left in .put is removed by the next that opens the folder: a file whose lock is
// free has no writer any more.
#pragma once

#include <memory>

#include "lib/loop/loop.h"
#include "lib/object/store.h"

namespace flexfs::object {

// The blocking half: plain calls, from any thread, several at once.
class Folder;

class FileStore final : public Store {
public:
    // Makes the folder (not its parents) where it is missing. Blocks on the disk. ENOTDIR, ENOENT,
    // EACCES, EROFS, ENOSPC, with a sentence.
    static Result<std::unique_ptr<Store>> open(Loop& loop, std::string folder);
    ~FileStore() override;

    Task<void> put(std::string key, std::vector<Buffer> pieces) override;
    Task<Buffer> get(std::string key, std::uint64_t offset, std::size_t size) override;
    // Small ranges that are in the page cache come without a trip to the pool.
    Task<std::vector<Buffer>> get_ranges(std::string key, std::vector<ByteRange> ranges) override;
    Task<Buffer> get(std::string key) override;
    Task<std::uint64_t> size(std::string key) override;
    Task<void> remove(std::vector<std::string> keys) override;
    Task<Page> list(std::string prefix, std::string after, std::size_t limit) override;
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
