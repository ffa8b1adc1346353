// The files and directories that are open, by the handles that the kernel names them with.
#pragma once

#include <memory>
#include <unordered_map>

#include "lib/vfs/directory.h"
#include "lib/vfs/reader.h"

namespace flexfs::vfs {

class OpenFile {
public:
    OpenFile(NodeRef node, int flags, std::uint64_t errors_reported);
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile();

    // Stays the same.
    const NodeRef& node() const { return node_; }
    int flags() const { return flags_; }  // of open(2)
    ReadAhead& ahead() { return ahead_; }

    // An error of writing back that this handle has not reported yet, which it does now.
    Result<void> report_error();
    // Another call reports what is wrong now. Earlier errors are made good if it succeeds.
    void set_errors_reported() { errors_reported_ = node_->file->errors().count(); }
    // The errno of the error that report_error() would report; 0: none.
    int unreported_error() const;

private:
    NodeRef node_;
    int flags_;
    std::uint64_t errors_reported_;
    ReadAhead ahead_;
};

class Handles {
public:
    HandleId open(NodeRef node, int flags);
    HandleId open(std::shared_ptr<Directory> directory);
    // EBADF.
    Result<std::shared_ptr<OpenFile>> file(HandleId id) const;
    Result<std::shared_ptr<Directory>> directory(HandleId id) const;
    void close_file(HandleId id) { files_.erase(id); }
    void close_directory(HandleId id) { directories_.erase(id); }
    // The kernel is gone.
    void clear();
    std::size_t files() const { return files_.size(); }

    // For the next process image, and from the one before; there first next_after(), then the
    // others. `error`: what the handle has not reported yet; 0: nothing.
    void hand_over(HandedOver& to) const;
    void next_after(HandleId last) { last_ = last; }
    void take_over(HandleId id, NodeRef node, int flags, int error);
    void take_over(HandleId id, std::shared_ptr<Directory> directory);

private:
    std::unordered_map<HandleId, std::shared_ptr<OpenFile>> files_;
    std::unordered_map<HandleId, std::shared_ptr<Directory>> directories_;
    HandleId last_ = 0;
};

}  // namespace flexfs::vfs
