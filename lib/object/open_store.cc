// Opens the store of an address.
#include <cerrno>

#include "lib/base/format.h"
#include "lib/base/home.h"
#include "lib/object/address.h"
#include "lib/object/file_store.h"
#include "lib/object/measured.h"
#include "lib/object/memory_store.h"
#include "lib/object/open_bucket.h"
#include "lib/object/retrying.h"

namespace flexfs::object {
namespace {

Result<std::unique_ptr<Store>> open_back_end(Loop& loop, const Address& address) {
    if (address.kind == Address::Kind::memory) return std::make_unique<MemoryStore>();
    if (address.kind == Address::Kind::file) return FileStore::open(loop, address.folder);
    return open_bucket(loop, address, {});
}

}  // namespace

Result<void> complete_settings(Address& address, const conf::StoreSettings& flags,
                               const std::string& creds_file) {
    if (!address.is_bucket()) {
        for (const conf::StoreSetting& row : conf::store_settings())
            if (!(flags.*row.value).empty())
                return explain(EINVAL, fmt::format("--{} is for a bucket, but the volume is in {}",
                                                   row.key, address.without_options()));
        return {};
    }
    conf::StoreSettings settings = flags;
    settings.complete_from(address.settings);
    auto creds = conf::load_creds(creds_file.empty() ? default_creds_file(address) : creds_file);
    if (creds) settings.complete_from(*creds);
    else if (creds.error().code != ENOENT || !creds_file.empty())
        return fail(std::move(creds.error()));
    address.settings = std::move(settings);
    return {};
}

std::string default_creds_file(const Address& address) {
    return fmt::format("{}/mount/creds/{}", flexfs_home(), address.file_name());
}

Result<std::unique_ptr<Store>> open_store(Loop& loop, const Address& address, OpenOptions options) {
    TRY(std::unique_ptr<Store> store, open_back_end(loop, address));
    if (address.faults.any())
        store = std::make_unique<Faulty>(loop, std::move(store), address.faults);
    if (options.metrics) store = std::make_unique<Measured>(std::move(store), *options.metrics);
    if (options.permit)
        store = std::make_unique<Gated>(std::move(store), std::move(options.permit));
    return std::make_unique<Retrying>(loop, std::move(store));
}

Result<std::unique_ptr<Store>> open_store(Loop& loop, std::string_view text) {
    TRY(const Address address, parse_address(text));
    return open_store(loop, address);
}

}  // namespace flexfs::object
