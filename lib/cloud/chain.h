// Looks for credentials at several places, in order, until one of them has some.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/cloud/context.h"
#include "lib/cloud/credentials.h"

namespace flexfs::cloud {

class Chain : public Source {
public:
    Task<Credentials> get() final;
    std::string describe() const final;
    bool changed() final { return found_ && found_->changed(); }
    bool can_renew() final { return found_ && found_->can_renew(); }

protected:
    struct Found {
        std::unique_ptr<Source> source;      // null: there is none
        std::vector<std::string> looked_at;  // names of the places before it, without credentials
        // Nothing says that the source exists: a service of the machine that may not be there.
        bool guessed = false;
    };

private:
    // EACCES if a place has credentials that cannot be used.
    virtual Task<Found> find() = 0;
    // Says how to give credentials: "Give them by …".
    virtual std::string advice() const = 0;

    std::unique_ptr<Source> found_;
};

}  // namespace flexfs::cloud
