#include "lib/volume/embedded_volume.h"

#include "lib/volume/database.h"

namespace flexfs::volume {

EmbeddedVolume::EmbeddedVolume(Loop& loop, Parts parts, const OpenOptions& options)
    : loop_(loop), parts_(std::move(parts)) {
    service::Options of_service = service_options(parts_.db_folder, options);
    if (Claim* const claim = parts_.claim.get())
        of_service.may_change = [claim] { return claim->may_commit(); };
    service_ = std::make_unique<service::Service>(loop_, *parts_.volume, std::move(of_service));
    housekeeper_ = std::make_unique<upkeep::Housekeeper>(loop_, *service_, *parts_.volume,
                                                         *parts_.store, upkeep_options(options));
}

Task<std::unique_ptr<OpenVolume>> EmbeddedVolume::serve(Loop& loop, Parts parts,
                                                        OpenOptions options) {
    std::unique_ptr<EmbeddedVolume> made(new EmbeddedVolume(loop, std::move(parts), options));
    if (auto done = co_await result(made->configure()); !done) {
        co_await made->close();
        co_await std::move(done);
    }
    std::unique_ptr<OpenVolume> opened = std::move(made);
    co_return opened;
}

// The limits may have been edited in volume.yaml; Configure refuses what cannot change.
Task<void> EmbeddedVolume::configure() {
    if (parts_.volume->info() == parts_.described) co_return;
    std::vector<meta::Request> requests{meta::Configure{parts_.described}};
    const auto replies = co_await service_->apply(0, std::move(requests));
    co_await replies.front();
}

std::unique_ptr<rpc::Caller<wire::Metadata>> EmbeddedVolume::connect(
    rpc::Client<wire::Metadata>& client) {
    return std::make_unique<rpc::Caller<wire::Metadata>>(*service_, client);
}

Task<void> EmbeddedVolume::lost() {
    if (parts_.claim) co_await parts_.claim->lost();
    co_await never_.wait();
}

Task<void> EmbeddedVolume::close() {
    co_await housekeeper_->close();
    co_await service_->close();
    housekeeper_.reset();
    service_.reset();
    auto closed = co_await result(service::close_volume(loop_, std::move(parts_.volume)));
    co_await close_parts(parts_);
    co_await std::move(closed);
}

Task<void> close_parts(EmbeddedVolume::Parts& parts) {
    if (parts.claim) co_await parts.claim->close();
    if (parts.store) co_await parts.store->close();
}

}  // namespace flexfs::volume
