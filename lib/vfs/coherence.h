// Keeps what this client caches coherent with the other clients: carries out the service's pushes,
// gives grants back that others need, and after a new connection drops what is no longer certain.
#pragma once

#include <deque>

#include "lib/cache/packer.h"
#include "lib/vfs/names.h"
#include "lib/vfs/orphans.h"

namespace flexfs::vfs {

class Coherence final : public Session::Listener {
public:
    // All must outlive this object; `caches` may be null.
    struct Parts {
        Loop& loop;
        Session& session;
        Nodes& nodes;
        NameCache& names;
        Flusher& flusher;
        Orphans& orphans;
        cache::Packer& packer;
        KernelCaches* caches;
    };
    explicit Coherence(Parts parts);
    Task<void> close() { return scope_.close(); }

    void revoked(wire::Revoke what) override;
    void recalled(wire::Recall what) override;
    std::vector<Ino> held() override;
    void reconnected(Continuity how, const std::vector<Ino>& lost) override;
    void undone() override;
    void lease_ended() override { drop_kernel_caches(); }

private:
    Task<void> answer_recalls();
    Task<void> give_back(wire::Recall what);
    void drop_kernel_caches();
    void lose_places(Node& node);
    Task<void> send_unsent(NodeRef node);
    Task<void> find_removed();

    Parts parts_;
    std::deque<wire::Recall> recalls_;  // to be answered
    task::WaitList recall_came_;
    Scope scope_;
};

}  // namespace flexfs::vfs
