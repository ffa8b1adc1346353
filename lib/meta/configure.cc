#include <cerrno>

#include "lib/meta/load.h"
#include "lib/meta/operations.h"

namespace flexfs::meta {

Result<wire::Done> configure(Txn& tx, const Configure& request) {
    TRY(check_info(request.info));
    if (request.info.id != tx.info().id || request.info.block_bytes != tx.info().block_bytes)
        return explain(EINVAL,
                       "volume.yaml has another id or block size than the database; neither can "
                       "change after the volume was created");
    if (request.info == tx.info()) return wire::Done{};
    TRY(put_info(tx.st(), request.info));
    tx.change_info() = request.info;
    return wire::Done{};
}

}  // namespace flexfs::meta
