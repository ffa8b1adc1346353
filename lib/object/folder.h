// The blocking half of FileStore: objects as files under one folder. Several threads may call it
// concurrently. Keys must have passed check_key().
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lib/base/descriptor.h"
#include "lib/object/open_objects.h"
#include "lib/object/store.h"

namespace flexfs::object {

class Folder {
public:
    // Errors as FileStore::open().
    static Result<std::unique_ptr<Folder>> open(std::string path);

    const std::string& path() const { return path_; }

    // Errors as the operations of Store.
    Result<void> put(const std::string& key, const std::vector<Buffer>& pieces);
    Result<Buffer> get(const std::string& key, std::uint64_t offset, std::size_t size) const;
    // Returns a null `fd` if the object is not open.
    OpenObject find(const std::string& key) const { return open_.find(key); }
    // `known`: the result of find(), which saves opening the object.
    Result<std::vector<Buffer>> get_ranges(const std::string& key,
                                           const std::vector<ByteRange>& ranges,
                                           OpenObject known = {}) const;
    // The same without waiting for the disk. Returns nothing if the bytes are not in the page
    // cache, or get_ranges() would fail.
    static std::optional<std::vector<Buffer>> get_ranges_at_once(
        const OpenObject& known, const std::vector<ByteRange>& ranges);
    Result<Buffer> get(const std::string& key) const;
    Result<std::uint64_t> size(const std::string& key) const;
    Result<void> remove(const std::vector<std::string>& keys) const;
    Result<Page> list(const std::string& prefix, const std::string& after, std::size_t limit) const;
    Result<Versioned> get_versioned(const std::string& key) const;
    Result<std::string> put_if(const std::string& key, const Buffer& content,
                               const std::string& tag);
    Result<Store::Space> space() const;

private:
    Folder(std::string path, Descriptor root);

    void clear_leftovers() const;
    Result<void> make_parents(const std::string& parent);
    Result<void> write_file(int fd, const std::vector<Buffer>& pieces) const;
    Result<void> publish(const std::string& temporary, const std::string& key);
    Result<void> sync_folder(const std::string& relative) const;
    Result<OpenObject> source(const std::string& key) const;
    std::unexpected<Error> fault(const char* what, const std::string& name) const;

    std::string path_;
    Descriptor root_;
    mutable OpenObjects open_;
    std::mutex mutex_;
    std::set<std::string> lasting_;  // folders whose entry in their parent is known to be on disk
    std::uint64_t puts_ = 0;         // makes the names of temporary files unique
    std::string nonce_;              // the same, across processes
};

}  // namespace flexfs::object
