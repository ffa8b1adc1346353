// The door of a server process: one listener for several volumes. A client's first request names
// the volume; everything after it goes to that volume's service.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "lib/service/service.h"

namespace flexfs::service {

class Door final : public rpc::Service<wire::Metadata> {
public:
    // Serves the volume under its id and its name from now on. The caller must remove it before it
    // destroys `service`. EEXIST: another volume has that id or name.
    Result<void> add(service::Service& service);
    // New clients no longer reach the volume. The caller has to end its open connections.
    void remove(service::Service& service);

    // The handlers must be destroyed before the door. OpenSession fails with ENOENT for a volume
    // that is not served here; an empty name selects the only volume, if there is exactly one.
    std::unique_ptr<rpc::Handler<wire::Metadata>> connected(
        rpc::Pusher<wire::Metadata>& client) override;

private:
    class Visitor;
    service::Service* find(const std::string& volume) const;

    std::map<std::string, service::Service*> by_name_;  // keys are names and ids
};

}  // namespace flexfs::service
