// What a running mount tells `flexfs mount status`, and does for `restart` and a remount.
#pragma once

#include "lib/cache/budget.h"
#include "lib/metrics/registry.h"
#include "lib/rpc/rpc.h"
#include "lib/vfs/vfs.h"
#include "lib/wire/control.h"
#include "roles/mount/embedded.h"
#include "roles/mount/options.h"
#include "roles/mount/restarter.h"

namespace flexfs::mount {

class Control final : public rpc::Service<wire::Control> {
public:
    // What it reports on; must outlive it.
    struct Subjects {
        MountOptions& options;
        Embedded& embedded;
        vfs::Filesystem& client;
        cache::Budget& budget;
        metrics::Registry& metrics;
    };
    // `stop` is called when a client asks the mount to end; true: whoever has files open is cut
    // off.
    Control(Subjects subjects, Restarter& restarter, std::function<void(bool)> stop)
        : subjects_(subjects), restarter_(restarter), stop_(std::move(stop)) {}

    std::unique_ptr<rpc::Handler<wire::Control>> connected(
        rpc::Pusher<wire::Control>& client) override;

private:
    class Conversation;
    Buffer status() const;

    Subjects subjects_;
    Restarter& restarter_;
    std::function<void(bool)> stop_;
};

}  // namespace flexfs::mount
