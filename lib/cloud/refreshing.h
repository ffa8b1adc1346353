// Credentials that are replaced before they expire, while requests go on with the old ones.
#pragma once

#include <memory>

#include "lib/cloud/context.h"
#include "lib/cloud/credentials.h"
#include "lib/task/scope.h"

namespace flexfs::cloud {

// A refresh begins with the first use in the last quarter of the lifetime, or in its last five
// minutes if that is shorter. At most one runs. If it fails, others follow with growing pauses; the
// error matters only once the old credentials have expired.
class Refreshing {
public:
    Refreshing(Context& context, std::unique_ptr<Source> source);

    // Returns valid credentials. Waits only if there are none. Errors are those of the source; for
    // a second after one, they are repeated instead of asking it again.
    Task<std::shared_ptr<const Credentials>> get();
    // The credentials were refused. Returns false if the source cannot have others.
    bool renew();
    std::string describe() const { return source_->describe(); }
    Task<void> close() { return scope_.close(); }

private:
    bool is_due(Time now);
    void begin();
    Task<void> refresh();
    void succeeded(Credentials got);
    void failed(Error why);

    Context& context_;
    std::unique_ptr<Source> source_;
    std::shared_ptr<const Credentials> current_;
    Time got_at_ = 0;
    bool ever_got_ = false;
    bool replaced_ = false;  // there were others before
    Time looked_at_ = 0;     // for changes of the source
    bool refreshing_ = false;
    task::WaitList waiting_;
    // Of the failures since the last success.
    unsigned failures_ = 0;
    Time failed_at_ = 0;
    Error last_error_;
    Scope scope_;
};

}  // namespace flexfs::cloud
