// The open files and directories, by the handles under which the kernel knows them.
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

    // Never changes.
    const NodeRef& node() const { return node_; }
    int flags() const { return flags_; }  // as in open(2)
    ReadAhead& ahead() { return ahead_; }

    // Returns an error of writing back that this handle has not reported yet, and marks it as
    // reported.
    Result<void> report_error();
    // Marks all errors so far as reported: another call succeeded in writing everything back, or
    // reports the failure itself.
    void set_errors_reported() {
        errors_reported_ = node_->file()->errors().count();
        losses_reported_ = node_->file()->errors().losses();
    }
    // Whether data was lost since then, so that not even an fsync that stores the rest succeeds.
    bool has_unreported_loss() const {
        return losses_reported_ != node_->file()->errors().losses();
    }
    // Returns the errno that report_error() would report; 0: none.
    int unreported_error() const;

private:
    NodeRef node_;
    int flags_;
    std::uint64_t errors_reported_;
    std::uint64_t losses_reported_;
    ReadAhead ahead_;
};

class Handles {
public:
    HandleId open(NodeRef node, int flags);
    HandleId open(std::shared_ptr<Directory> directory);
    // EBADF: there is no such handle.
    Result<std::shared_ptr<OpenFile>> file(HandleId id) const;
    Result<std::shared_ptr<Directory>> directory(HandleId id) const;
    void close_file(HandleId id) { files_.erase(id); }
    void close_directory(HandleId id) { directories_.erase(id); }
    // Closes all handles, because the kernel has gone away.
    void clear();
    std::size_t files() const { return files_.size(); }

    // Hand the handles over to the next process image, and take them over from the previous one;
    // call next_after() before take_over(). `error` is the errno that the handle has not reported
    // yet; 0: none.
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
