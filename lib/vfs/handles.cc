#include "lib/vfs/handles.h"

#include <cerrno>

namespace flexfs::vfs {

OpenFile::OpenFile(NodeRef node, int flags, std::uint64_t errors_reported)
    : node_(std::move(node)),
      flags_(flags),
      errors_reported_(errors_reported),
      losses_reported_(node_->file()->errors().losses()) {
    node_->opened(flags_);
}

OpenFile::~OpenFile() {
    node_->closed(flags_);
}

Result<void> OpenFile::report_error() {
    const int code = unreported_error();
    set_errors_reported();
    if (code != 0) return fail(code);
    return {};
}

int OpenFile::unreported_error() const {
    const WriteErrors& errors = node_->file()->errors();
    return errors.count() == errors_reported_ ? 0 : errors.code();
}

HandleId Handles::open(NodeRef node, int flags) {
    const std::uint64_t errors = node->file()->errors().count();
    files_.emplace(++last_, std::make_shared<OpenFile>(std::move(node), flags, errors));
    return last_;
}

HandleId Handles::open(std::shared_ptr<Directory> directory) {
    directories_.emplace(++last_, std::move(directory));
    return last_;
}

Result<std::shared_ptr<OpenFile>> Handles::file(HandleId id) const {
    const auto found = files_.find(id);
    if (found == files_.end()) return fail(EBADF);
    return found->second;
}

Result<std::shared_ptr<Directory>> Handles::directory(HandleId id) const {
    const auto found = directories_.find(id);
    if (found == directories_.end()) return fail(EBADF);
    return found->second;
}

void Handles::clear() {
    files_.clear();
    directories_.clear();
}

void Handles::hand_over(HandedOver& to) const {
    to.last_handle = last_;
    for (const auto& [id, file] : files_)
        to.files.push_back({id, file->node()->ino(), file->flags(), file->unreported_error()});
    for (const auto& [id, directory] : directories_)
        to.directories.push_back({id, directory->ino()});
}

void Handles::take_over(HandleId id, NodeRef node, int flags, int error) {
    node->file()->errors().take_over(error);
    files_.emplace(id, std::make_shared<OpenFile>(std::move(node), flags, error == 0 ? 1 : 0));
}

void Handles::take_over(HandleId id, std::shared_ptr<Directory> directory) {
    directories_.emplace(id, std::move(directory));
}

}  // namespace flexfs::vfs
