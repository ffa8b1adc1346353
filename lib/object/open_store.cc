// Opens the store of an address.
#include <cerrno>

#include "lib/base/format.h"
#include "lib/object/address.h"
#include "lib/object/file_store.h"
#include "lib/object/memory_store.h"
#include "lib/object/retrying.h"

namespace flexfs::object {
namespace {

Result<std::unique_ptr<Store>> open_back_end(Loop& loop, const Address& address) {
    if (address.kind == Address::Kind::memory) return std::make_unique<MemoryStore>();
    if (address.kind == Address::Kind::file) return FileStore::open(loop, address.folder);
    return fail(EINVAL,
                fmt::format("this version of flexfs cannot open {}", address.without_options()));
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(Loop& loop, const Address& address) {
    TRY(std::unique_ptr<Store> store, open_back_end(loop, address));
    if (address.faults.any())
        store = std::make_unique<Faulty>(loop, std::move(store), address.faults);
    return std::make_unique<Retrying>(loop, std::move(store));
}

Result<std::unique_ptr<Store>> open_store(Loop& loop, std::string_view text) {
    TRY(const Address address, parse_address(text));
    return open_store(loop, address);
}

}  // namespace flexfs::object
