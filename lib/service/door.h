// The door of a server process: one listener, several volumes. A client's first request names the
// volume; everything after it goes to that volume's service.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "lib/service/service.h"

namespace flexfs::service {

class Door final : public rpc::Service<wire::Metadata> {
public:
    // Serves the volume, by its id and its name, from now on. It must be removed before `service`
    // ends. EEXIST: another volume has that id or name.
    Result<void> add(service::Service& service);
    // New clients no longer reach the volume; the connections that it has are the caller's to end.
    void remove(service::Service& service);

    // The handlers go before the door. OpenSession fails with ENOENT for a volume that is not
    // served here; with an empty name it means the only one there is.
    std::unique_ptr<rpc::Handler<wire::Metadata>> connected(
        rpc::Pusher<wire::Metadata>& client) override;

private:
    class Visitor;
    service::Service* find(const std::string& volume) const;

    std::map<std::string, service::Service*> by_name_;  // and by id
};

}  // namespace flexfs::service
