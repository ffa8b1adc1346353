#include "lib/meta/snapshot.h"

#include "lib/meta/inspect.h"
#include "lib/meta/load.h"
#include "lib/meta/locate.h"
#include "lib/meta/reads.h"
#include "lib/meta/state.h"

namespace flexfs::meta {
namespace {

constexpr std::size_t cache_bytes = 8 << 20;

}  // namespace

Snapshot::Snapshot(std::unique_ptr<State> state) : state_(std::move(state)) {}

Snapshot::~Snapshot() = default;

Result<std::unique_ptr<Snapshot>> Snapshot::of(const State& volume) {
    auto state = std::make_unique<State>();
    TRY(state->db, db::Db::open_reader(*volume.db, cache_bytes));
    TRY(state->st, Statements::prepare(*state->db));
    state->name_key = volume.name_key;
    state->name_groups = volume.name_groups;
    std::unique_ptr<Snapshot> made(new Snapshot(std::move(state)));
    TRY(made->refresh());
    return made;
}

Result<void> Snapshot::refresh() {
    state_->db->rollback();
    TRY(state_->db->begin());
    TRY(load_memory(*state_));  // the first reads of the transaction fix its moment
    return {};
}

Result<wire::Entry> Snapshot::read(const wire::Lookup& request, bool with_data) {
    return lookup(*state_, request, with_data);
}

Result<wire::Entry> Snapshot::read(const wire::GetAttr& request, bool with_data) {
    return getattr(*state_, request, with_data);
}

Result<wire::Listing> Snapshot::read(const wire::ReadDir& request) {
    return readdir(*state_, request);
}

Result<wire::Target> Snapshot::read(const wire::ReadLink& request) {
    return readlink(*state_, request);
}

Result<wire::Value> Snapshot::read(const wire::GetXattr& request) {
    return getxattr(*state_, request);
}

Result<wire::Names> Snapshot::read(const wire::ListXattr& request) {
    return listxattr(*state_, request);
}

Result<wire::ExtentList> Snapshot::read(const wire::Extents& request) {
    return extents(*state_, request);
}

Result<wire::Statistics> Snapshot::read(const wire::StatFs&) {
    return statfs(*state_);
}

Result<std::vector<SegmentState>> Snapshot::segments(SegmentId after, std::size_t limit) {
    return meta::segments(*state_, after, limit);
}

Result<bool> Snapshot::find_uses(const std::set<SegmentId>& segments, Ino& after, std::size_t rows,
                                 std::vector<FrameUse>& into) {
    return meta::find_uses(*state_, segments, after, rows, into);
}

Result<std::string> Snapshot::path_of(Ino ino) {
    return meta::path_of(*state_, ino);
}

Result<std::string> Snapshot::dump() {
    return meta::dump(*state_);
}

Result<std::vector<std::string>> Snapshot::verify() {
    return meta::verify(*state_);
}

}  // namespace flexfs::meta
