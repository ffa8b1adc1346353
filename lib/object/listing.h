// Joins the pages of a provider's list into one page of ours, and checks them.
#pragma once

#include <string>
#include <vector>

#include "lib/object/store.h"

namespace flexfs::object {

class Listing {
public:
    // `root` stands before each key in the bucket.
    Listing(std::string root, std::string prefix, std::string after, std::size_t limit);

    // How many objects are still wanted.
    std::size_t wanted() const { return limit_ - page_.objects.size(); }
    // Takes the objects of the next page, whose keys have the root. Skips those that are not after
    // `after`, and those of others: keys that no store of ours could have made. Returns false if an
    // object was left over, because the page is full. EIO with a phrase: the keys are not in order,
    // or one does not begin with the prefix.
    Result<bool> add(std::vector<Listed> objects);
    // The key of the last object that was added; empty if there is none.
    std::string last() const { return page_.objects.empty() ? "" : page_.objects.back().key; }
    Page take(bool more) &&;

private:
    std::string root_;
    std::string prefix_;
    std::string after_;
    std::size_t limit_;
    std::string previous_;  // with the root
    Page page_;
};

}  // namespace flexfs::object
