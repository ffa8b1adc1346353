#include "lib/vfs/commits.h"

#include <algorithm>
#include <cerrno>

#include "lib/base/log.h"

namespace flexfs::vfs {
namespace {

// If the flights of a file are refused this often in a row as based on outdated data, although each
// was based on the service's latest answer, writing the file back has failed like any other.
constexpr unsigned mismatches_max = 8;

}  // namespace

Commits::DurableDemand::DurableDemand(Commits& commits, NodeRef node)
    : commits_(commits), node_(std::move(node)) {
    if (node_) ++commits_.demands_[node_->ino()];
}

Commits::DurableDemand::~DurableDemand() {
    if (!node_) return;
    const auto demand = commits_.demands_.find(node_->ino());
    if (--demand->second == 0) commits_.demands_.erase(demand);
}

bool Commits::is_durable_demanded(const Parcel& parcel) const {
    return std::ranges::any_of(parcel.parts, [&](const Parcel::Part& part) {
        return demands_.contains(part.node->ino());
    });
}

void Commits::start(Parcel parcel) {
    ++under_way_;
    bytes_ += parcel.bytes;
    parcel.dirty_since = parts_.dirty.now();
    for (const Parcel::Part& part : parcel.parts)
        parcel.dirty_since = std::min(parcel.dirty_since, part.dirty_since);
    since_.insert(parcel.dirty_since);
    scope_.start(run(std::move(parcel)));
}

Task<void> Commits::run(Parcel parcel) {
    const std::uint64_t bytes = parcel.bytes, replacements = parts_.session.replacements();
    Result<void> outcome;
    if (parcel.pieces.empty()) {
        outcome = co_await result(commit(parcel, nullptr, replacements));
    } else if (auto packed = co_await result(parts_.packer.pack(parcel.pieces))) {
        outcome = co_await result(commit(parcel, &*packed, replacements));
    } else {
        outcome = fail(std::move(packed.error()));
    }
    if (!outcome) {
        for (const Parcel::Part& part : parcel.parts)
            failed(part, outcome.error().code,
                   part.flight->is_sent() ? wire::fate_of(outcome) : wire::Fate::refused);
        if (outcome.error().code != ECANCELED && outcome.error().code != EAGAIN)
            parts_.trouble.add(outcome.error());
    }
    --under_way_;
    bytes_ -= bytes;
    since_.erase(since_.find(parcel.dirty_since));
    parcel = {};
    ended_();
}

// Commits of one file keep the order in which its data was written.
Task<void> Commits::in_turn(const Parcel& parcel) {
    for (const Parcel::Part& part : parcel.parts) {
        File& file = *part.node->file();
        while (part.flight != file.unsent().flights().begin()) co_await file.changed().wait();
    }
}

// After an error nothing was applied to the files here, although the service may have executed the
// commit.
Task<void> Commits::commit(Parcel& parcel, const cache::Packed* packed,
                           std::uint64_t replacements) {
    co_await in_turn(parcel);
    // The segment's id was given to a session that has ended: the data is sent again with a new id.
    if (packed && parts_.session.replacements() != replacements) {
        co_await result(parts_.packer.discard(packed->segment.segment));
        co_await fail(EAGAIN);
    }
    parcel.durable |= is_durable_demanded(parcel);
    const ParcelCommit commit = make_commit(parcel, packed, parts_.session.volume().compression);
    const std::uint64_t stamp = parts_.nodes.last_stamp();
    const wire::Committed reply = co_await send(commit.request, packed);
    if (parcel.durable) durable_ = std::max(durable_, stamp);
    apply(parcel, commit, reply, stamp);
}

Task<wire::Committed> Commits::send(const wire::Commit& request, const cache::Packed* packed) {
    Result<wire::Committed> reply;
    if (!request.inodes.empty()) reply = co_await result(parts_.session.call(request));
    // After any other outcome extents may refer to the segment. If it turns out to be unused, the
    // service removes it when the session ends.
    const bool unused = wire::all_refused(reply, request.inodes.size());
    if (packed && unused) co_await result(parts_.packer.discard(packed->segment.segment));
    if (reply && (reply->errors.size() != request.inodes.size() ||
                  reply->first_seq.size() != request.inodes.size() ||
                  reply->ends.size() != request.inodes.size()))
        co_return fail(EPROTO, "the answer to a commit has another length");
    co_return std::move(reply);
}

void Commits::apply(Parcel& parcel, const ParcelCommit& commit, const wire::Committed& reply,
                    std::uint64_t stamp) {
    std::vector<bool> sent(parcel.parts.size());
    Result<void> worst;
    for (std::size_t i = 0; i < commit.parts.size(); ++i) {
        const Parcel::Part& part = parcel.parts[commit.parts[i]];
        sent[commit.parts[i]] = true;
        if (reply.errors[i] != 0) {
            refused(part, reply.errors[i], worst);
            continue;
        }
        // Attributes that were learned meanwhile may already include what is added to them now.
        const bool told = part.node->undurable_at() > stamp;
        succeeded(parcel, part, commit.request.inodes[i],
                  {reply.first_seq[i], reply.ends[i], told});
        if (told) part.node->doubt();
    }
    // These files were gone before their turn came.
    for (std::size_t i = 0; i < parcel.parts.size(); ++i)
        if (!sent[i]) ended(parcel.parts[i]);
    if (!worst) parts_.trouble.add(worst.error());
    else if (!commit.parts.empty()) parts_.trouble.end();
}

void Commits::succeeded(Parcel& parcel, const Parcel::Part& part, const wire::InodeCommit& change,
                        Answer answer) {
    Node& node = *part.node;
    File& file = *node.file();
    const Flight& flight = *part.flight;
    node.committed(flight);
    // Data that was learned since may be newer than this commit. Extents have an order, so under
    // the exclusive grant, which excludes other writers, they are added all the same.
    const bool is_whole = flight.is_inline() || flight.clears_inline();
    if (answer.is_late && (is_whole || !node.is_exclusive())) {
        file.stored().forget();
        return landed(parcel, part);
    }
    std::vector<wire::Extent> extents = change.extents;
    for (std::uint64_t seq = answer.first_seq; wire::Extent & extent : extents) extent.seq = seq++;
    const Stored::Used used =
        file.stored().commit(flight, extents, answer.first_seq, answer.end, node.attr().used);
    node.learn_used(used);
    for (const wire::Extent& extent : extents)
        if (!flight.is_moved())
            parts_.compactor.note(node.ino(), extent.idx,
                                  file.stored().extents().block(extent.idx).size());
    keep_chunks(parcel, part, change);
    landed(parcel, part);
}

void Commits::landed(const Parcel& parcel, const Parcel::Part& part) {
    parts_.nodes.data_changed(*part.node, parcel.durable);
    bytes_landed_ += part.flight->data().bytes();
    ended(part);
}

// Data that was just written is likely to be read: its pieces go to the cache.
void Commits::keep_chunks(Parcel& parcel, const Parcel::Part& part,
                          const wire::InodeCommit& change) {
    auto extent = change.extents.begin();
    for (std::size_t i = part.first_piece; i < part.first_piece + part.pieces; ++i) {
        cache::Piece& piece = parcel.pieces[i];
        while (extent != change.extents.end() &&
               (extent->idx < piece.info.idx ||
                (extent->idx == piece.info.idx && extent->off < piece.info.off)))
            ++extent;
        if (extent == change.extents.end() || extent->idx != piece.info.idx ||
            extent->off != piece.info.off)
            continue;
        parts_.chunks.put(cache::FrameAt::of(*extent), piece.data);
    }
}

void Commits::refused(const Parcel::Part& part, int code, Result<void>& worst) {
    const Ino ino = part.node->ino();
    if (code == ESTALE || code == ENOENT) {
        part.node->file()->errors().add(ESTALE);
        return ended(part);
    }
    const bool outdated = part.flight->is_outdated();
    const auto mismatches = [&] { return mismatches_[ino].add(part.node->file()->stored()); };
    if (code != EAGAIN || (!outdated && mismatches() >= mismatches_max)) {
        if (code == EAGAIN) code = EIO;
        if (code == EIO) part.node->file()->stored().forget();
        worst = fail(code);
        return failed(part, code);
    }
    // The service's data of the file is not the version that this client assumed. Even with the
    // exclusive grant, its earlier holder may have stored something that it sent before it lost it.
    Unsent& unsent = part.node->file()->unsent();
    const bool moved = !outdated && part.flight->expected_size() != wire::any_size;
    if (moved && unsent.lose_places()) part.node->file()->errors().add_loss();
    failed(part, EAGAIN);
    part.node->file()->stored().forget();
    parts_.learner.ask(*part.node);
}

// EAGAIN is not reported as an error, because the data is sent again.
void Commits::failed(const Parcel::Part& part, int code, wire::Fate fate) {
    File& file = *part.node->file();
    const bool lost = file.unsent().failed(part.flight, fate);
    if (lost) {
        log::error("appended data of inode {} may be lost: nobody knows whether it was stored",
                   part.node->ino());
        parts_.dirty.recheck(*part.node);
    }
    if (fate == wire::Fate::unknown) {
        file.stored().forget();
        part.node->doubt();
    }
    if (lost) file.errors().add_loss();
    else if (code != EAGAIN) file.errors().add(code);
    parts_.dirty.put_back(part.node, part.dirty_since);
    file.changed().wake_all();
}

// The flight's data is committed, or discarded because the file can never be read again.
void Commits::ended(const Parcel::Part& part) {
    File& file = *part.node->file();
    mismatches_.erase(part.node->ino());
    file.unsent().landed(part.flight);
    file.changed().wake_all();
}

Task<void> Commits::sync(std::uint64_t stamp) {
    if (is_durable(stamp)) co_return;
    const std::uint64_t answered = parts_.nodes.last_stamp();
    co_await parts_.session.call(wire::Sync{});
    durable_ = std::max(durable_, answered);
}

}  // namespace flexfs::vfs
