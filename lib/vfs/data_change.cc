#include "lib/vfs/data_change.h"

#include <utility>

namespace flexfs::vfs {

void DataChange::cut(std::uint64_t size) {
    is_open_ = true;
    size_before_ = node_->file()->stored().size();
    bytes_ = node_->file()->cut(size);
}

void DataChange::punch(Range range) {
    is_open_ = true;
    size_before_ = node_->file()->stored().size();
    bytes_ = node_->file()->punch(range);
}

void DataChange::settle(wire::Fate fate) {
    if (!std::exchange(is_open_, false)) return;
    File& file = *node_->file();
    if (fate == wire::Fate::refused) {
        file.stored().learn_size(size_before_);
        file.unsent().restore(bytes_, node_->is_exclusive());
        for (const Span& span : bytes_.spans) flusher_.wrote(*node_, {span.offset, span.end()});
    } else {
        bytes_ = {};
        flusher_.dropped(*node_);
    }
    if (fate == wire::Fate::applied) return;
    file.stored().forget();
    node_->doubt();
}

}  // namespace flexfs::vfs
