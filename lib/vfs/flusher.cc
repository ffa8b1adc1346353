#include "lib/vfs/flusher.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/log.h"
#include "lib/block/segment.h"

namespace flexfs::vfs {
namespace {

using namespace std::chrono_literals;
constexpr unsigned parcels_max = 4;  // that start by themselves; a caller's request does not wait
// The amount of other files' data that an fsync takes along: enough to share its object, little
// enough not to delay it.
constexpr std::uint64_t company_bytes_max = 4 << 20;
// When the oldest data is due, data that is at least this old is sent with it.
constexpr Duration company_age_min = 1s;
constexpr Duration overdue_pause = 10ms;
// Changes of data that nobody waits for are synced together, this long after the first of them.
constexpr Duration sync_pause = 1s;
// The pause after a sync that failed.
constexpr Duration failed_sync_pause = 30s;
constexpr Duration watch_pause = 1s;

std::uint64_t parcel_bytes(const cache::Budget& budget, std::uint32_t block_bytes) {
    const std::uint64_t share = std::max<std::uint64_t>(budget.dirty_limit() / 4, block_bytes);
    return std::min<std::uint64_t>(share, block::segment_bytes_target);
}

std::size_t full_blocks_max(const cache::Budget& budget, std::uint32_t block_bytes) {
    return 2 * budget.dirty_limit() / block_bytes + 16;
}

}  // namespace

Flusher::Flusher(Loop& loop, Session& session, Nodes& nodes, cache::Budget& budget,
                 cache::Packer& packer, cache::ChunkCache& chunks, Compactor& compactor,
                 const Options& options)
    : loop_(loop),
      session_(session),
      nodes_(nodes),
      budget_(budget),
      options_(options),
      parcel_bytes_(parcel_bytes(budget, session.volume().block_bytes)),
      dirty_(loop, nodes, came_, full_blocks_max(budget, session.volume().block_bytes)),
      trouble_(loop, budget),
      learner_(
          session, nodes, dirty_, trouble_, [this](Node& node) { start_parcel(&node, false); },
          ended_),
      commits_({session, nodes, packer, chunks, compactor, dirty_, trouble_, learner_},
               [this] {
                   ended_.wake_all();
                   start_what_is_due();
               }),
      accesses_(loop, session, nodes, came_),
      ages_(options.dirty_age_max + options.late_margin),
      reclaimer_(budget.add_reclaimer([this](cache::Budget::Kind kind, std::uint64_t) {
          if (kind == cache::Budget::Kind::dirty) press();
      })) {
    scope_.start(tick());
    scope_.start(watch_ages());
    scope_.start(sync_changes());
}

Flusher::~Flusher() = default;

void Flusher::wrote(Node& node, Range range) {
    dirty_.add(node);
    dirty_.note_full_blocks(node, range);
    start_what_is_due();
}

bool Flusher::may_start() const {
    return !closing_ && !trouble_.is_pausing() && commits_.under_way() < parcels_max;
}

void Flusher::start_what_is_due() {
    const std::uint64_t block = session_.volume().block_bytes;
    while (may_start()) {
        const std::uint64_t flying = std::min(commits_.bytes_under_way(), budget_.dirty());
        if (dirty_.full_blocks() * block >= parcel_bytes_) {
            if (!start_full_blocks()) return;
        } else if (budget_.dirty() - flying > budget_.dirty_limit() / 2) {
            if (!start_parcel(nullptr, false)) return;
        } else {
            return;
        }
    }
}

// Called when a task waits for memory that only writing back can free.
void Flusher::press() {
    while (may_start() && start_parcel(nullptr, false)) {}
}

bool Flusher::start_full_blocks() {
    Parcel parcel;
    parcel.bytes_max = parcel_bytes_;
    const std::uint64_t most = parcel_bytes_ / session_.volume().block_bytes;
    for (const auto& [node, idx] : dirty_.take_full_blocks(std::max<std::uint64_t>(most, 1)))
        gather_block(parcel, nodes_, *node, idx);
    if (parcel.parts.empty()) return false;
    launch(std::move(parcel));
    return true;
}

bool Flusher::start_parcel(Node* first, bool durable, Duration age_min) {
    if (closing_) return false;
    Parcel parcel;
    parcel.bytes_max = parcel_bytes_;
    parcel.durable = durable;
    const wire::VolumeInfo& volume = session_.volume();
    if (first && !gather(parcel, nodes_, *first, volume)) {
        learner_.ask(*first);
        return false;
    }
    if (first) parcel.bytes_max = std::min(parcel_bytes_, parcel.bytes + company_bytes_max);
    const Duration newest = loop_.now() - age_min;
    std::vector<NodeRef> unknown;
    for (const auto& [node, since] : dirty_.all()) {
        if (!parcel.has_room()) break;
        if (node.get() == first || since > newest || (first && node->is_orphan())) continue;
        if (!gather(parcel, nodes_, *node, volume) && !node->file()->stored().knows_inline())
            unknown.push_back(node);
    }
    const bool any = !parcel.parts.empty();
    if (any) launch(std::move(parcel));
    for (const NodeRef& node : unknown) learner_.ask(*node);
    return any;
}

// From here on the flights keep the nodes in the table.
void Flusher::launch(Parcel parcel) {
    for (Parcel::Part& part : parcel.parts) part.dirty_since = dirty_.recheck(*part.node);
    commits_.start(std::move(parcel));
}

Task<void> Flusher::flush(NodeRef node, bool durable, Duration company_age) {
    File& file = *node->file();
    const Unsent& unsent = file.unsent();
    const std::uint64_t errors = file.errors().count();
    const Commits::DurableDemand demand(commits_, durable ? node : NodeRef());
    for (bool more = true; more;) {
        if (closing_) co_await fail(ECANCELED);
        while (start_parcel(node.get(), durable, company_age)) {}
        // Data that could not be sent now has to wait for flights or for an answer of the service.
        // One more round sends it, and data of flights that have failed meanwhile.
        const auto waits = [&] { return learner_.is_asking(*node) || !unsent.flights().empty(); };
        const bool left = !unsent.dirty().empty() && waits();
        const std::uint64_t last = unsent.last_flight(), failures = unsent.failures();
        const auto is_flying = [&] {
            return !unsent.flights().empty() && unsent.flights().front().id() <= last;
        };
        while ((learner_.is_asking(*node) || is_flying()) && file.errors().count() == errors)
            co_await file.changed().wait();
        if (file.errors().count() != errors) co_await fail(file.errors().code());
        more = left || unsent.failures() != failures;
    }
    if (durable) co_await sync(node->undurable_at());
}

Task<void> Flusher::settle(NodeRef node) {
    File& file = *node->file();
    // The bytes that are going to be removed are found by their place.
    if (file.unsent().floats()) co_await result(flush(node, false));
    while (file.unsent().has_sent()) co_await file.changed().wait();
}

Task<void> Flusher::settle_appended(NodeRef node) {
    co_await settle(node);
    while (node->file()->unsent().has_appended()) {
        co_await flush(node, false);
        co_await settle(node);
    }
}

Task<void> Flusher::tick() {
    for (;;) {
        while (dirty_.empty() && accesses_.empty()) co_await came_.wait();
        Duration due = accesses_.due();
        if (!dirty_.empty())
            due = std::min(due, dirty_.all().front().since + options_.dirty_age_max);
        due = std::max(due, trouble_.until());
        // Data that has to wait for flights may be overdue for a while.
        co_await loop_.sleep(std::max<Duration>(due - loop_.now(), overdue_pause));
        if (loop_.now() < trouble_.until()) continue;
        if (loop_.now() >= accesses_.due()) co_await result(accesses_.send());
        start_old();
    }
}

void Flusher::start_old() {
    for (std::size_t left = dirty_.all().size(); left > 0 && !dirty_.empty(); --left) {
        if (commits_.under_way() >= parcels_max || dirty_.oldest() < options_.dirty_age_max) return;
        // Data of a file that was unlinked while it is open is written back only when memory runs
        // short.
        if (dirty_.all().front().node->is_orphan()) dirty_.postpone_first();
        else if (!start_parcel(nullptr, false, company_age_min)) return;
    }
}

Task<void> Flusher::watch_ages() {
    for (;;) {
        while (dirty_.empty() && commits_.under_way() == 0) co_await came_.wait();
        co_await loop_.sleep(watch_pause);
        const std::string line =
            ages_.look({oldest(), budget_.dirty(), trouble_.report().message}, loop_.now());
        if (!line.empty()) log::warn("{}", line);
    }
}

// A power cut could undo changes that are not synced.
Task<void> Flusher::sync_changes() {
    for (;;) {
        while (is_durable(nodes_.data_stamp())) co_await nodes_.data_changes().wait();
        co_await loop_.sleep(sync_pause);
        const auto synced = co_await result(sync(nodes_.data_stamp()));
        if (!synced) co_await loop_.sleep(failed_sync_pause);
    }
}

Duration Flusher::oldest() const {
    const Duration since = std::min(dirty_.since(), commits_.since());
    return since == Duration::max() ? Duration{} : loop_.now() - since;
}

void Flusher::retry() {
    trouble_.retry_now();
    press();
}

Task<void> Flusher::drain() {
    trouble_.retry_now();
    Result<void> told;
    if (!accesses_.empty()) told = co_await result(accesses_.send());
    const auto is_busy = [&] { return commits_.under_way() > 0 || !learner_.is_idle(); };
    while (is_busy() || (!dirty_.empty() && !trouble_.is_pausing())) {
        press();
        // Data that cannot be sent now waits for one of these.
        if (!is_busy()) break;
        co_await ended_.wait();
    }
    if (trouble_.is_pausing()) co_await fail(trouble_.error());
    if (!dirty_.empty()) co_await fail(EIO, "some unsent data could not be written back");
    trouble_.end();
    co_await sync(nodes_.last_stamp());
    co_await std::move(told);
}

void Flusher::drop_orphans() {
    std::vector<NodeRef> orphans;
    for (const auto& [node, since] : dirty_.all())
        if (node->is_orphan()) orphans.push_back(node);
    for (const NodeRef& node : orphans) {
        node->file()->cut(0);
        dirty_.recheck(*node);
    }
}

Task<void> Flusher::close() {
    closing_ = true;
    co_await scope_.close();
    co_await commits_.close();  // commits may ask the learner
    co_await learner_.close();
    co_await accesses_.close();
    dirty_.clear();
}

}  // namespace flexfs::vfs
