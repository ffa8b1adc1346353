// A volume whose metadata service runs in this process, over a database on this machine. What
// differs between a folder and a bucket is how it is found and kept for one process: that is done
// before it is opened here.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/meta/volume.h"
#include "lib/volume/claim.h"
#include "lib/volume/volume.h"

namespace flexfs::volume {

class EmbeddedVolume final : public OpenVolume {
public:
    // The opened parts, each of which must outlive those below it.
    struct Parts {
        process::ServiceLock lock;  // released last
        std::string db_folder;
        std::unique_ptr<object::Store> store;
        std::unique_ptr<Claim> claim;  // of a volume in a bucket, held
        std::unique_ptr<meta::Volume> volume;
        wire::VolumeInfo described;  // in volume.yaml
    };
    // Starts the service. Closes the parts if that fails.
    static Task<std::unique_ptr<OpenVolume>> serve(Loop& loop, Parts parts, OpenOptions options);

    std::unique_ptr<rpc::Caller<wire::Metadata>> connect(
        rpc::Client<wire::Metadata>& client) override;
    object::Store& store() override { return *parts_.store; }
    std::optional<ServiceCounters> service_counters() const override {
        if (!service_) return std::nullopt;
        return ServiceCounters{service_->counters(), housekeeper_->counters()};
    }
    int kept_descriptor() const override { return parts_.lock.descriptor(); }
    void complain(const std::string& sentence) override { parts_.lock.complain(sentence); }
    Task<void> lost() override;
    std::unique_ptr<upkeep::Scrubber> scrubber(upkeep::ScrubOptions options) override {
        return std::make_unique<upkeep::Scrubber>(loop_, *parts_.volume, *parts_.store, options);
    }
    Task<void> close() override;

private:
    EmbeddedVolume(Loop& loop, Parts parts, const OpenOptions& options);
    Task<void> configure();

    Loop& loop_;
    Parts parts_;
    task::Event never_;
    std::unique_ptr<service::Service> service_;
    std::unique_ptr<upkeep::Housekeeper> housekeeper_;
};

// Closes a claim, if there is one, and a store that were opened, whatever comes after.
Task<void> close_parts(EmbeddedVolume::Parts& parts);

}  // namespace flexfs::volume
