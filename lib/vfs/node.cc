#include "lib/vfs/node.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "lib/wire/privileges.h"

namespace flexfs::vfs {
namespace {

void written(Attr& attr, Time mtime) {
    if (mtime == 0) return;
    attr.mtime = mtime;
    attr.ctime = std::max(attr.ctime, mtime);
}

}  // namespace

Node::Node(const Attr& attr, std::uint32_t block_bytes) : attr_(attr) {
    if (S_ISREG(attr.mode)) file_ = std::make_unique<File>(block_bytes);
}

Attr Node::stat() const {
    Attr now = attr_;
    if (unsent_atime_ != 0) now.atime = unsent_atime_;
    if (!file_) return now;
    now.size = file_->size();
    if (file_->has_unsent()) {
        const std::uint64_t more = now.used + file_->unsent_gain();
        // Bytes over unknown extents are counted as new. That may overestimate, so the result is
        // capped at the file size.
        const bool exact = file_->stored().extents().knows_all();
        now.used = exact ? more : std::max(now.used, std::min(now.size, more));
    }
    written(now, file_->unsent().mtime());
    if (file_->unsent().loses(Loss::privileges))
        now.mode = wire::without_privileges(now.mode, file_->unsent().loses(Loss::setgid_too));
    return now;
}

void Node::learn_attr(const Attr& answer) {
    attr_ = answer;
    attr_valid_ = true;
    if (unsent_atime_ == attr_.atime) unsent_atime_ = 0;
    if (file_) file_->learn_size(attr_.size);
}

// An answer from before the commit may have arrived since.
void Node::committed(const Flight& flight) {
    written(attr_, flight.mtime());
    if (flight.loss() >= Loss::privileges)
        attr_.mode = wire::without_privileges(attr_.mode, flight.loss() == Loss::setgid_too);
}

void Node::learn_used(Stored::Used used) {
    attr_.used = used.bytes;
    if (!used.exact) doubt();
}

Time Node::replace_written_times() {
    written(attr_, file_->unsent().mtime());
    return file_->unsent().forget_times();
}

void Node::access_sent(Time when) {
    if (unsent_atime_ != when) return;
    attr_.atime = when;
    unsent_atime_ = 0;
}

void Node::give_back(Grant keep) {
    grant_ = std::min(grant_, keep);
    recalled_ = false;
    if (grant_ == Grant::none) doubt();
    if (!file_) return;
    if (grant_ == Grant::none) file_->stored().forget();
    file_->changed().wake_all();
}

void Node::opened(int flags) {
    ++handles_;
    if ((flags & O_ACCMODE) == O_RDWR) ++mappers_;
}

void Node::closed(int flags) {
    --handles_;
    if ((flags & O_ACCMODE) == O_RDWR) --mappers_;
}

}  // namespace flexfs::vfs
