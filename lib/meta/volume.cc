#include "lib/meta/volume.h"

#include <unistd.h>

#include <bit>
#include <cerrno>

#include "lib/meta/inspect.h"
#include "lib/meta/load.h"
#include "lib/meta/operations.h"
#include "lib/meta/reads.h"
#include "lib/meta/snapshot.h"
#include "lib/meta/transact.h"

namespace flexfs::meta {
namespace {

// The journal takes about as much space as the log; only a journal that takes much more must be
// reported.
constexpr std::uint64_t journal_bytes_usual = 64 << 20;

}  // namespace

Volume::Volume(std::unique_ptr<State> state) : state_(std::move(state)) {}

Volume::~Volume() {
    if (!state_->db) return;
    state_->owner_copies = false;
    // Records that cannot be committed now stay in the journal for the next time.
    const bool whole = state_->loaded && commit() && truncate_log();
    state_->db->rollback();
    state_->st = Statements();
    state_->db.reset();
    if (!whole) return;
    state_->journal->remove();
    state_->reserve.remove();
}

Result<std::unique_ptr<Volume>> Volume::open(Options options) {
    TRY(check_info(options.info));
    if (!std::has_single_bit(options.page_bytes) || options.page_bytes < 1024 ||
        options.page_bytes > 65536)
        return explain(EINVAL,
                       "the size of a database page must be a power of two from 1 KiB to 64 KiB");
    if (!options.create && ::access(options.path.c_str(), F_OK) != 0)
        return fail_errno(options.path);
    auto state = std::make_unique<State>();
    TRY(state->lock, LockFile::take(options.path + "-lock"));
    std::unique_ptr<Volume> volume(new Volume(std::move(state)));
    TRY(load(*volume->state_, options));
    return volume;
}

const wire::VolumeInfo& Volume::info() const {
    return state_->info;
}

Volume::Assigned Volume::assigned() const {
    return {state_->counters.next_ino - 1, state_->counters.next_seq - 1};
}

bool Volume::was_interrupted() const {
    return !state_->was_closed;
}

std::vector<Outcome> Volume::apply(std::span<const Call> batch) {
    return *meta::apply(*state_, batch, WhenFull::refuse);
}

std::optional<std::vector<Outcome>> Volume::try_apply(std::span<const Call> batch) {
    return meta::apply(*state_, batch, WhenFull::ask_for_copy);
}

void Volume::leave_copying_to_owner() {
    state_->owner_copies = true;
}

Result<wire::Entry> Volume::read(const wire::Lookup& request, bool with_data) {
    TRY(open_transaction(*state_));
    return lookup(*state_, request, with_data);
}

Result<wire::Entry> Volume::read(const wire::GetAttr& request, bool with_data) {
    TRY(open_transaction(*state_));
    return getattr(*state_, request, with_data);
}

Result<wire::Listing> Volume::read(const wire::ReadDir& request) {
    TRY(open_transaction(*state_));
    // Listings read the table, so changes in memory are written to it first.
    if (auto written = state_->entries.write(state_->st); !written) {
        static_cast<void>(undo(*state_));
        return std::unexpected(std::move(written.error()));
    }
    return readdir(*state_, request);
}

Result<wire::Target> Volume::read(const wire::ReadLink& request) {
    TRY(open_transaction(*state_));
    return readlink(*state_, request);
}

Result<wire::Value> Volume::read(const wire::GetXattr& request) {
    TRY(open_transaction(*state_));
    return getxattr(*state_, request);
}

Result<wire::Names> Volume::read(const wire::ListXattr& request) {
    TRY(open_transaction(*state_));
    return listxattr(*state_, request);
}

Result<wire::Done> Volume::read(const wire::Access& request, SessionId session) {
    TRY(open_transaction(*state_));
    return access(*state_, request, session);
}

Result<wire::ExtentList> Volume::read(const wire::Extents& request) {
    TRY(open_transaction(*state_));
    return extents(*state_, request);
}

Result<wire::Statistics> Volume::read(const wire::StatFs&) {
    return statfs(*state_);
}

void Volume::end_reads() {
    if (state_->pending.records.empty()) state_->db->rollback();
}

Result<void> Volume::commit() {
    return commit_pending(*state_);
}

// The journal keeps what is committed to the database until the database's log is synced. An
// earlier failed sync of the log counts as a failure, too, because the disk cannot be trusted.
Result<void> Volume::sync() {
    TRY(state_->db->check_syncs());
    return state_->journal->sync();
}

Result<LogState> Volume::checkpoint() {
    state_->copying = true;
    const auto copy = [this]() -> Result<db::LogState> {
        const std::uint64_t batch = state_->committed_batch;
        TRY(state_->db->sync());
        state_->journal->release(batch);
        return state_->db->checkpoint();
    };
    const Result<db::LogState> log = copy();
    if (log && log->uncopied == 0) state_->copied_log_bytes = log->bytes;
    state_->copying = false;
    if (!log) return std::unexpected(log.error());
    return LogState{log->bytes, log->uncopied};
}

std::uint64_t Volume::log_bytes() const {
    const std::uint64_t journal = state_->journal->bytes();
    return state_->db->log_bytes() + (journal > journal_bytes_usual ? journal : 0);
}

std::uint64_t Volume::log_frames() const {
    return state_->db->log_frames_written();
}

Result<void> Volume::prepare_cut() {
    TRY(commit());
    state_->db->rollback();
    state_->cutting = true;
    return {};
}

Result<LogState> Volume::cut_log() {
    const std::uint64_t batch = state_->committed_batch;
    TRY(const db::LogState log, state_->db->cut_log());
    state_->journal->release(batch);
    state_->log_cut = true;
    return LogState{log.bytes, log.uncopied};
}

void Volume::finish_cut() {
    state_->cutting = false;
    if (state_->log_cut.exchange(false)) state_->db->log_was_cut();
}

Result<LogState> Volume::truncate_log() {
    TRY(prepare_cut());
    auto cut = cut_log();
    finish_cut();
    return cut;
}

std::vector<SessionInfo> Volume::sessions() const {
    std::vector<SessionInfo> all;
    for (const auto& [id, session] : state_->sessions->open) all.push_back(session);
    return all;
}

bool Volume::is_open(SessionId session) const {
    return state_->sessions->open.contains(session);
}

Result<std::vector<SegmentState>> Volume::segments(SegmentId after, std::size_t limit) {
    TRY(open_transaction(*state_));
    return meta::segments(*state_, after, limit);
}

Result<std::unique_ptr<Snapshot>> Volume::snapshot() {
    TRY(commit());
    return Snapshot::of(*state_);
}

bool Volume::needs_upkeep() const {
    return state_->cuts || !state_->sessions->ended.empty();
}

Result<std::string> Volume::dump() {
    TRY(open_transaction(*state_));
    TRY(write_back_or_undo(*state_));
    return meta::dump(*state_);
}

Result<std::vector<std::string>> Volume::verify() {
    TRY(open_transaction(*state_));
    TRY(write_back_or_undo(*state_));
    return meta::verify(*state_);
}

Result<std::vector<std::string>> Volume::scans() {
    return meta::scans(*state_);
}

void Volume::fail_statement(int nth, int code, int times) {
    state_->db->fail_statement(nth, code, times);
}

void Volume::fail_disk(int code) {
    state_->db->fail_disk(code);
}

}  // namespace flexfs::meta
