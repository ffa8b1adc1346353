#include "lib/object/listing.h"

#include <algorithm>
#include <cerrno>

namespace flexfs::object {

Listing::Listing(std::string root, std::string prefix, std::string after, std::size_t limit)
    : root_(std::move(root)),
      prefix_(std::move(prefix)),
      after_(std::move(after)),
      limit_(std::clamp(limit, std::size_t{1}, list_limit_max)) {}

Result<bool> Listing::add(std::vector<Listed> objects) {
    for (Listed& object : objects) {
        if (object.key <= previous_ && !previous_.empty())
            return fail(EIO, "the keys of its list are not in the order of their bytes");
        if (!object.key.starts_with(root_ + prefix_))
            return fail(EIO, "its list has keys that do not begin with the wanted prefix");
        previous_ = object.key;
        object.key.erase(0, root_.size());
        if (object.key <= after_ || !check_key(object.key)) continue;
        if (wanted() == 0) return false;
        page_.objects.push_back(std::move(object));
    }
    return true;
}

Page Listing::take(bool more) && {
    page_.more = more;
    return std::move(page_);
}

}  // namespace flexfs::object
