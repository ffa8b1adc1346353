#include "lib/volume/volume.h"

#include <cerrno>

#include "lib/base/format.h"
#include "lib/object/address.h"
#include "lib/volume/bucket_volume.h"
#include "lib/volume/folder_volume.h"

namespace flexfs::volume {
namespace {

Result<object::Address> address_of(const std::string& text) {
    TRY(object::Address address, object::parse_address(text));
    if (address.kind == object::Address::Kind::memory)
        return explain(EINVAL, fmt::format("'{}' does not outlive the mount; keep the volume in a "
                                           "folder",
                                           text));
    // A path with a slash at its end would have one more component.
    while (address.folder.size() > 1 && address.folder.ends_with('/')) address.folder.pop_back();
    return address;
}

}  // namespace

Task<std::unique_ptr<OpenVolume>> open(Loop& loop, OpenOptions options) {
    auto address = co_await address_of(options.address);
    co_await object::complete_settings(address, options.settings, options.creds_file);
    if (address.is_bucket())
        co_return co_await open_in_bucket(
            loop, bucket_place(loop, std::move(address), options.metrics), std::move(options));
    co_return co_await open_in_folder(loop, std::move(address), std::move(options));
}

Result<void> check(const OpenOptions& options, When when) {
    TRY(object::Address address, address_of(options.address));
    TRY(object::complete_settings(address, options.settings, options.creds_file));
    if (address.is_bucket()) return check_bucket(address, options);
    return check_folder(address, options, when);
}

Result<void> check_takeover(const OpenOptions& options, const wire::VolumeInfo& served) {
    TRY(const object::Address address, address_of(options.address));
    if (address.is_bucket()) return check_bucket_takeover(address, options);
    return check_folder_takeover(address, options, served);
}

std::string data_folder(const std::string& address) {
    const auto parsed = address_of(address);
    if (!parsed) return {};
    return parsed->is_bucket() ? default_folder(*parsed) : parsed->folder;
}

std::string lock_path(const std::string& address) {
    const std::string folder = data_folder(address);
    return folder.empty() ? folder : folder + "/lock";
}

}  // namespace flexfs::volume
