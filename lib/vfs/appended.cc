#include "lib/vfs/appended.h"

#include <utility>

namespace flexfs::vfs {

void Appended::add(const Appended& other) {
    for (const Range& range : other.set_.ranges()) add(range);
}

void Appended::drop(const Appended& gone) {
    for (const Range& range : gone.set_.ranges()) drop(range);
}

Appended Appended::in(Range range) const {
    Appended found;
    found.set_ = set_.in(range);
    return found;
}

std::vector<Span> Appended::take_from(Layer& dirty) const {
    std::vector<Span> taken;
    for (const Range& range : set_.ranges())
        for (Span& span : dirty.take(range))
            if (taken.empty() || !taken.back().join(span)) taken.push_back(std::move(span));
    return taken;
}

void Appended::put_at(std::uint64_t end, std::vector<Span> spans, Layer& dirty) {
    const std::uint64_t begin = end;
    for (Span& span : spans) {
        span.offset = end;
        end = span.end();
        dirty.put(std::move(span));
    }
    set_.clear();
    set_.add({begin, end});
}

}  // namespace flexfs::vfs
