// A volume that is kept in a folder: its metadata service runs in this process, over a database
// beside the data.
#pragma once

#include <memory>
#include <string>

#include "lib/meta/volume.h"
#include "lib/object/address.h"
#include "lib/volume/volume.h"

namespace flexfs::volume {

class FolderVolume final : public OpenVolume {
public:
    // As the functions of volume.h with the same names, for an address of kind file.
    static Task<std::unique_ptr<OpenVolume>> open(Loop& loop, object::Address address,
                                                  OpenOptions options);
    static Result<void> check(const object::Address& address, const OpenOptions& options,
                              When when);
    static Result<void> check_takeover(const object::Address& address, const OpenOptions& options,
                                       const wire::VolumeInfo& served);

    std::unique_ptr<rpc::Caller<wire::Metadata>> connect(
        rpc::Client<wire::Metadata>& client) override;
    object::Store& store() override { return *store_; }
    std::optional<ServiceCounters> service_counters() const override {
        if (!service_) return std::nullopt;
        return ServiceCounters{service_->counters(), housekeeper_->counters()};
    }
    int kept_descriptor() const override { return lock_.descriptor(); }
    void complain(const std::string& sentence) override { lock_.complain(sentence); }
    Task<void> close() override;

private:
    struct Files {
        process::ServiceLock lock;  // released last
        std::unique_ptr<object::Store> store;
        std::unique_ptr<meta::Volume> volume;
        wire::VolumeInfo described;  // in volume.yaml
    };
    FolderVolume(Loop& loop, Files files);
    static Result<Files> open_files(Loop& loop, const object::Address& address,
                                    const OpenOptions& options);
    void serve(service::Options service, upkeep::Options upkeep);
    Task<void> configure(wire::VolumeInfo described);

    Loop& loop_;
    process::ServiceLock lock_;  // released last
    std::unique_ptr<object::Store> store_;
    std::unique_ptr<meta::Volume> volume_;
    std::unique_ptr<service::Service> service_;
    std::unique_ptr<upkeep::Housekeeper> housekeeper_;
};

}  // namespace flexfs::volume
