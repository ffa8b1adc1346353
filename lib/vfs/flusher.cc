#include "lib/vfs/flusher.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/log.h"
#include "lib/block/segment.h"
#include "lib/wire/privileges.h"

namespace flexfs::vfs {
namespace {

using namespace std::chrono_literals;
constexpr unsigned batches_max = 4;  // that start by themselves; who asks is not made to wait
// What an fsync takes along of other files: enough to share its object, little enough to not wait.
constexpr std::uint64_t company_bytes_max = 4 << 20;
constexpr Duration pause_min = 500ms, pause_max = 30s;
// When the oldest data is due, what is at least this old goes with it.
constexpr Duration company_age_min = 1s;
constexpr Duration overdue_pause = 10ms;
constexpr std::size_t accessed_max = 16 << 10;
// How many the service is told at once: others wait as long as that takes.
constexpr std::size_t accessed_together = 256;
constexpr Duration accessed_age_max = 30s;
// A file whose flights come back so often in a row, each made for what the server had just told, is
// in trouble as any other that cannot be written back.
constexpr unsigned refusals_max = 8;

std::uint64_t batch_bytes(const cache::Budget& budget, std::uint32_t block_bytes) {
    const std::uint64_t share = std::max<std::uint64_t>(budget.dirty_limit() / 4, block_bytes);
    return std::min<std::uint64_t>(share, block::segment_bytes_target);
}

}  // namespace

Flusher::Flusher(Loop& loop, Session& session, Nodes& nodes, cache::Budget& budget,
                 cache::Packer& packer, cache::Frames& frames, Compactor& compactor,
                 const Options& options)
    : loop_(loop),
      session_(session),
      nodes_(nodes),
      budget_(budget),
      packer_(packer),
      frames_(frames),
      compactor_(compactor),
      options_(options),
      batch_bytes_(batch_bytes(budget, session.volume().block_bytes)),
      reclaimer_(budget.add_reclaimer([this](cache::Budget::Kind kind, std::uint64_t) {
          if (kind == cache::Budget::Kind::dirty) press();
      })) {
    scope_.start(tick());
}

Flusher::~Flusher() = default;

void Flusher::wrote(Node& node, Range range) {
    File& file = *node.file;
    if (!node.queued) {
        node.queued = true;
        file.dirty_since = loop_.now();
        node.queue_place = queue_.insert(queue_.end(), nodes_.pin(node));
        dirtied_.wake_all();
    }
    // Only a write that ends a block is looked at: writers that fill one from its middle wait for
    // its age.
    const std::uint64_t block = file.block_bytes;
    // Who writes the end of a block again and again is noted more than once.
    const std::uint64_t noted_max = 2 * budget_.dirty_limit() / block + 16;
    for (std::uint64_t idx = range.first / block; (idx + 1) * block <= range.last; ++idx)
        if (full_.size() < noted_max && file.dirty.covers({idx * block, (idx + 1) * block}))
            full_.emplace_back(nodes_.pin(node), idx);
    start_what_is_due();
}

Duration Flusher::oldest() const {
    return queue_.empty() ? Duration{} : loop_.now() - queue_.front()->file->dirty_since;
}

void Flusher::start_what_is_due() {
    const std::uint64_t block = session_.volume().block_bytes;
    while (batches_ < batches_max && trouble_.code == 0) {
        const std::uint64_t idle = budget_.dirty() - std::min(flying_, budget_.dirty());
        if (full_.size() * block >= batch_bytes_) {
            if (!start_full_blocks()) return;
        } else if (idle > budget_.dirty_limit() / 2) {
            if (!start_batch(nullptr, false)) return;
        } else {
            return;
        }
    }
}

// Somebody waits for memory that only writing back can free.
void Flusher::press() {
    if (trouble_.code != 0) return;
    while (batches_ < batches_max && start_batch(nullptr, false)) {}
}

bool Flusher::start_full_blocks() {
    Batch batch;
    batch.bytes_max = batch_bytes_;
    const std::uint64_t most =
        std::max<std::uint64_t>(batch_bytes_ / session_.volume().block_bytes, 1);
    const auto end = full_.begin() + static_cast<std::ptrdiff_t>(std::min(full_.size(), most));
    // By file: what a batch has of one is one flight, in which the next would wait for the first.
    std::ranges::sort(full_.begin(), end, {}, [](const auto& block) {
        return std::pair(block.first->attr.ino, block.second);
    });
    for (auto block = full_.begin(); block != end; ++block)
        gather_block(batch, nodes_, *block->first, block->second);
    full_.erase(full_.begin(), end);
    if (batch.parts.empty()) return false;
    launch(std::move(batch));
    return true;
}

bool Flusher::start_batch(Node* first, bool durable, Duration age_min) {
    Batch batch;
    batch.bytes_max = batch_bytes_;
    batch.durable = durable;
    const wire::VolumeInfo& volume = session_.volume();
    if (first && !gather(batch, nodes_, *first, volume)) {
        learn_if_unknown(*first);
        return false;
    }
    if (first) batch.bytes_max = std::min(batch_bytes_, batch.bytes + company_bytes_max);
    const Duration newest = loop_.now() - age_min;
    std::vector<NodeRef> unknown;
    for (const NodeRef& node : queue_) {
        if (!batch.has_room()) break;
        if (node.get() == first || node->file->dirty_since > newest || (first && node->orphan))
            continue;
        if (!gather(batch, nodes_, *node, volume) && !node->file->inline_known)
            unknown.push_back(node);
    }
    const bool any = !batch.parts.empty();
    if (any) launch(std::move(batch));
    for (const NodeRef& node : unknown) learn_if_unknown(*node);
    return any;
}

void Flusher::launch(Batch batch) {
    // Flights hold their files from now on.
    for (const Batch::Part& part : batch.parts)
        if (part.node->file->dirty.empty()) unqueue(*part.node);
    ++batches_;
    flying_ += batch.bytes;
    scope_.start(run(std::move(batch)));
}

void Flusher::unqueue(Node& node) {
    if (!node.queued) return;
    node.queued = false;
    const NodeRef held = std::move(*node.queue_place);
    queue_.erase(node.queue_place);
}

Task<void> Flusher::run(Batch batch) {
    const std::uint64_t bytes = batch.bytes;
    Result<void> outcome;
    if (batch.pieces.empty()) {
        outcome = co_await result(commit(batch, nullptr));
    } else if (auto packed = co_await result(packer_.pack(batch.pieces))) {
        outcome = co_await result(commit(batch, &*packed));
    } else {
        outcome = fail(std::move(packed.error()));
    }
    if (!outcome) {
        for (Batch::Part& part : batch.parts) failed(part, outcome.error().code);
        if (outcome.error().code != ECANCELED) trouble(outcome.error());
    }
    --batches_;
    flying_ -= bytes;
    batch = {};
    landed_.wake_all();
    start_what_is_due();
}

// Commits of one file stay in the order in which its data was written.
Task<void> Flusher::in_turn(const Batch& batch) {
    for (const Batch::Part& part : batch.parts) {
        File& file = *part.node->file;
        while (&file.flights.front() != &*part.flight) co_await file.changed.wait();
    }
}

Task<void> Flusher::commit(Batch& batch, const cache::Packed* packed) {
    co_await in_turn(batch);
    std::vector<std::size_t> which;
    wire::Commit request = make_commit(batch, packed, session_.volume().compression, which);
    const std::uint64_t stamp = nodes_.last_stamp();
    Result<wire::Committed> reply;
    if (!request.inodes.empty()) reply = co_await result(session_.call(request));
    const bool refused = !reply && (reply.error().code == ENOSPC || reply.error().code == EDQUOT);
    // Nothing leads to it, and it would stay until the session ends.
    if (packed && (refused || request.inodes.empty()))
        co_await result(packer_.discard(packed->segment.segment));
    if (!reply) co_await fail(std::move(reply.error()));
    if (reply->errors.size() != request.inodes.size() ||
        reply->first_seq.size() != request.inodes.size())
        if (!request.inodes.empty()) co_await fail(EPROTO, "a commit's answer of another length");

    if (batch.durable) durable_ = std::max(durable_, stamp);
    std::vector<bool> sent(batch.parts.size());
    Result<void> worst;
    for (std::size_t i = 0; i < which.size(); ++i) {
        Batch::Part& part = batch.parts[which[i]];
        sent[which[i]] = true;
        const int code = reply->errors[i];
        if (code == 0) {
            // Told meanwhile, they may have what is added to them now.
            const bool told = part.node->stamp > stamp;
            succeeded(batch, part, request.inodes[i], reply->first_seq[i]);
            if (told) part.node->current = false;
        } else if (code == ESTALE || code == ENOENT) {
            part.node->file->flights.erase(part.flight);  // nobody can ever read it
            part.node->file->fail_with(ESTALE);
            part.node->file->changed.wake_all();
        } else if (code == EAGAIN && ++part.node->file->refusals < refusals_max) {
            returned(part);
        } else {
            failed(part, code == EAGAIN ? EIO : code);
            worst = fail(code == EAGAIN ? EIO : code);
        }
    }
    for (std::size_t i = 0; i < batch.parts.size(); ++i) {
        if (sent[i]) continue;  // the file was gone before its turn came
        batch.parts[i].node->file->flights.erase(batch.parts[i].flight);
        batch.parts[i].node->file->changed.wake_all();
    }
    if (worst) worked();
    else trouble(worst.error());
}

void Flusher::succeeded(Batch& batch, Batch::Part& part, const wire::InodeCommit& change,
                        std::uint64_t first_seq) {
    Node& node = *part.node;
    File& file = *node.file;
    Flight& flight = *part.flight;
    file.committed_size = std::max(file.committed_size, flight.data.end());
    if (flight.mtime != 0) {
        node.attr.mtime = flight.mtime;
        node.attr.ctime = std::max(node.attr.ctime, flight.mtime);
    }
    // An answer from before the commit may have come since.
    if (flight.loss == Loss::privileges) node.attr.mode = wire::without_privileges(node.attr.mode);
    if (flight.is_inline) {
        file.inline_data = flight.content;
        node.attr.used = flight.content.size();
    }
    if (flight.clear_inline) {
        // What lay over unwritten extents counts on.
        if (!file.extents.empty()) node.current = false;
        node.attr.used -= std::min<std::uint64_t>(node.attr.used, file.inline_data.size());
        file.inline_data = {};
    }
    for (wire::Extent extent : change.extents) {
        extent.seq = first_seq++;
        // Cut off while the commit was under way? Then truncate waited for this.
        if (!file.extents.knows(extent.idx)) node.current = false;  // by how much `used` grew
        node.attr.used += file.extents.add(extent);
        compactor_.note(node.attr.ino, extent.idx, file.extents.block(extent.idx).size());
    }
    for (Span& span : part.spans) span.chunk->reservation.make_clean();
    auto extent = change.extents.begin();
    for (std::size_t i = part.first_piece; i < part.first_piece + part.pieces; ++i) {
        cache::Piece& piece = batch.pieces[i];
        while (extent != change.extents.end() &&
               (extent->idx < piece.info.idx ||
                (extent->idx == piece.info.idx && extent->off < piece.info.off)))
            ++extent;
        if (extent == change.extents.end() || extent->idx != piece.info.idx ||
            extent->off != piece.info.off)
            continue;
        frames_.put({extent->segment, extent->pos, extent->stored, extent->check},
                    std::move(piece.data));
    }
    if (!batch.durable) node.stamp = nodes_.next_stamp();
    file.refusals = 0;
    file.flights.erase(part.flight);
    file.changed.wake_all();
}

void Flusher::failed(Batch::Part& part, int code) {
    File& file = *part.node->file;
    if (file.mtime == 0) file.mtime = part.flight->mtime;
    file.loss = std::max(file.loss, part.flight->loss);
    file.put_back(part.flight);
    if (code != EAGAIN) file.fail_with(code);
    else ++file.returned;
    if (!part.node->queued && !file.dirty.empty()) {
        part.node->queued = true;
        part.node->queue_place = queue_.insert(queue_.begin(), part.node);
        dirtied_.wake_all();
    }
    file.changed.wake_all();
}

// What the server has of the file is not what it was thought to have.
void Flusher::returned(Batch::Part& part) {
    failed(part, EAGAIN);
    part.node->file->forget_stored();
    learn_if_unknown(*part.node);
}

void Flusher::learn_if_unknown(Node& node) {
    File& file = *node.file;
    if (file.inline_known || file.learning || file.dirty.empty()) return;
    file.learning = true;
    ++learning_;
    scope_.start(learn(nodes_.pin(node)));
}

Task<void> Flusher::learn(NodeRef node) {
    File& file = *node->file;
    const auto entry = co_await result(session_.call(wire::Open{node->attr.ino, Grant::shared}));
    file.learning = false;
    --learning_;
    const auto learned = entry ? nodes_.learn_opened(*entry) : Result<void>(fail(entry.error()));
    if (learned) {
        start_batch(node.get(), false);
    } else {
        const int code = learned.error().code;
        file.fail_with(code);
        if (entry) {
            // Damaged: there is no way for it any more, and other files' data must not wait for it.
            log::error("what was written is lost: {}", learned.error().message());
            file.give_up();
            dropped(*node);
        } else if (code == ENOENT || code == ESTALE) {
            file.cut(0);
            dropped(*node);
        } else if (code != ECANCELED) {
            trouble(entry.error());
        }
    }
    file.changed.wake_all();
    landed_.wake_all();
}

void Flusher::trouble(const Error& error) {
    if (trouble_.code == 0)
        log::error("writing back failed, {} bytes wait: {}", budget_.dirty(), error.message());
    trouble_.code = error.code;
    trouble_.pause = std::clamp(trouble_.pause * 2, pause_min, pause_max);
    trouble_.until = loop_.now() + trouble_.pause;
    budget_.refuse_dirty(error.code);
}

void Flusher::worked() {
    if (trouble_.code == 0) return;
    log::info("writing back goes on");
    trouble_ = {};
    budget_.refuse_dirty(0);
}

Task<void> Flusher::flush(NodeRef node, bool durable, Duration company_age) {
    File& file = *node->file;
    const std::uint64_t failures = file.failure.count;
    struct Waiter {
        unsigned& count;
        unsigned by;
        ~Waiter() { count -= by; }
    } waiter{file.durable_waiters, durable ? 1u : 0u};
    waiter.count += waiter.by;
    for (bool more = true; more;) {
        while (start_batch(node.get(), durable, company_age)) {}
        // What could not leave now has to wait for what is on its way, or for what is asked of the
        // server: one more round takes it, and what came back.
        const bool left = !file.dirty.empty() && (file.learning || !file.flights.empty());
        const std::uint64_t last = file.last_flight, returned = file.returned;
        while ((file.learning || (!file.flights.empty() && file.flights.front().id <= last)) &&
               file.failure.count == failures)
            co_await file.changed.wait();
        if (file.failure.count != failures) co_await fail(file.failure.code);
        more = left || file.returned != returned;
    }
    if (durable) co_await sync(node->stamp);
}

Task<void> Flusher::settled(NodeRef node) {
    File& file = *node->file;
    const auto sent = [](const Flight& flight) { return flight.sent; };
    while (std::ranges::any_of(file.flights, sent)) co_await file.changed.wait();
}

Task<void> Flusher::sync(std::uint64_t stamp) {
    if (stamp <= durable_) co_return;
    const std::uint64_t answered = nodes_.last_stamp();
    co_await session_.call(wire::Sync{});
    durable_ = std::max(durable_, answered);
}

void Flusher::dropped(Node& node) {
    if (node.file->dirty.empty()) unqueue(node);
}

Task<void> Flusher::tick() {
    for (;;) {
        while (queue_.empty() && accessed_.empty()) co_await dirtied_.wait();
        Duration due = Duration::max();
        if (!accessed_.empty()) due = accessed_since_ + accessed_age_max;
        if (!queue_.empty())
            due = std::min(due, queue_.front()->file->dirty_since + options_.dirty_age_max);
        due = std::max(due, trouble_.until);
        // Data that has to wait for what is on its way may be overdue for a while.
        co_await loop_.sleep(std::max<Duration>(due - loop_.now(), overdue_pause));
        if (loop_.now() < trouble_.until) continue;
        if (!accessed_.empty() && loop_.now() - accessed_since_ >= accessed_age_max)
            co_await result(tell_access_times());
        start_old();
    }
}

void Flusher::start_old() {
    const Duration now = loop_.now();
    for (std::size_t left = queue_.size(); left > 0 && batches_ < batches_max; --left) {
        File& oldest = *queue_.front()->file;
        if (now - oldest.dirty_since < options_.dirty_age_max) return;
        if (queue_.front()->orphan) {
            // What was unlinked while it is open leaves only when memory runs short.
            oldest.dirty_since = now;
            queue_.splice(queue_.end(), queue_, queue_.begin());
        } else if (!start_batch(nullptr, false, company_age_min)) {
            return;
        }
        if (queue_.empty()) return;
    }
}

void Flusher::accessed(Node& node, Time when) {
    node.atime = when;
    if (accessed_.empty()) {
        accessed_since_ = loop_.now();
        dirtied_.wake_all();
    }
    accessed_[node.attr.ino] = when;
    if (accessed_.size() >= accessed_max) scope_.start(tell_access_times());
}

void Flusher::forget_access(Ino ino) {
    accessed_.erase(ino);
    if (Node* node = nodes_.find(ino)) node->atime = 0;
}

Task<void> Flusher::tell_access_times() {
    const auto times = std::exchange(accessed_, {});
    for (auto next = times.begin(); next != times.end();) {
        wire::Commit request;
        request.now = wall_now();
        const auto first = next;
        for (; next != times.end() && request.inodes.size() < accessed_together; ++next) {
            wire::InodeCommit change;
            change.ino = next->first;
            change.atime = next->second;
            request.inodes.push_back(std::move(change));
        }
        co_await session_.call(std::move(request));
        for (auto told = first; told != next; ++told) {
            Node* node = nodes_.find(told->first);
            if (!node) continue;
            if (node->atime != told->second) continue;
            node->attr.atime = told->second;
            node->atime = 0;
        }
    }
}

Task<void> Flusher::drain() {
    trouble_ = {};
    budget_.refuse_dirty(0);
    Result<void> told;
    if (!accessed_.empty()) told = co_await result(tell_access_times());
    while (batches_ > 0 || learning_ > 0 || (!queue_.empty() && trouble_.code == 0)) {
        while (trouble_.code == 0 && batches_ < batches_max && start_batch(nullptr, false)) {}
        // What cannot leave now waits for one of these.
        if (batches_ == 0 && learning_ == 0) break;
        co_await landed_.wait();
    }
    if (trouble_.code != 0) co_await fail(trouble_.code, "writing back");
    if (!queue_.empty()) co_await fail(EIO, "unsent data that finds no way out");
    co_await sync(nodes_.last_stamp());
    co_await std::move(told);
}

void Flusher::drop_orphans() {
    for (const NodeRef& node : std::list(queue_)) {
        if (!node->orphan) continue;
        node->file->cut(0);
        dropped(*node);
    }
}

Task<void> Flusher::close() {
    co_await scope_.close();
    while (!queue_.empty()) unqueue(*queue_.front());
    full_.clear();
}

}  // namespace flexfs::vfs
