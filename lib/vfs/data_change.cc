#include "lib/vfs/data_change.h"

#include <utility>

namespace flexfs::vfs {

void DataChange::cut(std::uint64_t size) {
    is_open_ = true;
    bytes_ = node_->file->cut(size);
}

void DataChange::punch(Range range) {
    is_open_ = true;
    bytes_ = node_->file->punch(range);
}

void DataChange::settle(wire::Fate fate) {
    if (!std::exchange(is_open_, false)) return;
    File& file = *node_->file;
    if (fate == wire::Fate::refused) {
        for (const Span& span : bytes_) file.unsent().write_below(span);
        if (!bytes_.empty()) flusher_.wrote(*node_, {bytes_.front().offset, bytes_.front().end()});
    } else {
        bytes_.clear();
        flusher_.dropped(*node_);
    }
    if (fate == wire::Fate::applied) return;
    file.stored().forget();
    node_->doubt();
}

}  // namespace flexfs::vfs
