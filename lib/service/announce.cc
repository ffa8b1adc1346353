// Decides which clients are notified of a change.
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "lib/service/grants.h"

namespace flexfs::service {
namespace {

constexpr std::uint32_t names = wire::revoke_attr | wire::revoke_entry;
// A change of data also drops security.capability.
constexpr std::uint32_t ranges = wire::revoke_attr | wire::revoke_data | wire::revoke_xattr;

// Returns what a request changed on one inode, as bits of a Revoke.
std::uint32_t effect(const wire::SetAttr& request) {
    std::uint32_t what = wire::revoke_attr;
    if (request.mask & wire::set_size) what |= wire::revoke_data;
    // A new mode changes the ACL; the other changes drop security.capability.
    constexpr std::uint32_t xattrs =
        wire::set_mode | wire::set_uid | wire::set_gid | wire::set_size | wire::set_kill_privileges;
    if (request.mask & xattrs) what |= wire::revoke_xattr;
    return what;
}

std::uint32_t effect(const wire::InodeCommit& change) {
    std::uint32_t what = wire::revoke_attr | wire::revoke_data;
    if (change.kill_privileges || change.set_inline || !change.extents.empty())
        what |= wire::revoke_xattr;
    return what;
}

template <class... F>
struct Cases : F... {
    using F::operator()...;
};

}  // namespace

template <class F>
void Grants::each_holder(Ino ino, SessionId except, F&& f) {
    const auto visit = [&](SessionId id) {
        if (id == except) return;
        if (Session* session = sessions_.get(id)) f(*session);
    };
    const auto is_blanket = [&](SessionId id) {
        return std::ranges::find(blankets_, id) != blankets_.end();
    };
    const SessionId exclusive = exclusive_.holder(ino);
    const std::vector<SessionId>& told = shared_.holders(ino);
    for (SessionId id : blankets_) visit(id);
    for (SessionId id : told)
        if (id != exclusive && !is_blanket(id)) visit(id);
    for (SessionId id : folders_.holders(ino))
        if (!is_blanket(id) && std::ranges::find(told, id) == told.end()) visit(id);
    if (exclusive != 0 && !is_blanket(exclusive)) visit(exclusive);
}

void Grants::revoke(Ino ino, std::uint32_t what, SessionId except, const std::string& name) {
    each_holder(ino, except,
                [&](Session& session) { session.push(wire::Revoke{ino, what, name}); });
}

// Notifies the holders that an inode has lost a name.
void Grants::revoke_link(const wire::Attr& attr, SessionId except) {
    if (attr.ino == 0) return;
    revoke(attr.ino, wire::revoke_attr | (attr.nlink == 0 ? wire::revoke_orphan : 0), except);
}

void Grants::announce(const meta::Call& call, const meta::Outcome& outcome, Session& session) {
    if (!session.blanket) share_changed_names(call, outcome, session);
    if (!alone() && !outcome.repeated) revoke_all(call, outcome);
}

// A client that changes a name knows afterwards which inode the name refers to, or that it does not
// exist; a client that makes a folder knows that the folder is empty.
void Grants::share_changed_names(const meta::Call& call, const meta::Outcome& outcome,
                                 Session& session) {
    const Cases cases{
        [&](const wire::Make& m) {
            share_names(m.parent, session);
            const wire::Attr& made = std::get<wire::Entry>(*outcome.reply).attr;
            if (outcome.created && S_ISDIR(made.mode)) share_names(made.ino, session);
        },
        [&](const wire::Link& m) { share_names(m.parent, session); },
        [&](const wire::Unlink& m) { share_names(m.parent, session); },
        [&](const wire::Rmdir& m) { share_names(m.parent, session); },
        [&](const wire::Rename& m) {
            share_names(m.parent, session);
            share_names(m.new_parent, session);
        },
        [](const auto&) {},
    };
    std::visit(cases, call.request);
}

void Grants::revoke_all(const meta::Call& call, const meta::Outcome& outcome) {
    const SessionId me = call.session;
    const auto removed = [&]() -> const wire::Removed& {
        return std::get<wire::Removed>(*outcome.reply);
    };
    const Cases cases{
        [&](const wire::Make& m) {
            if (outcome.created) revoke(m.parent, names, me, m.name);
        },
        [&](const wire::Link& m) {
            revoke(m.parent, names, me, m.name);
            revoke(m.ino, wire::revoke_attr, me);
        },
        [&](const wire::Unlink& m) {
            revoke(m.parent, names, me, m.name);
            revoke_link(removed().attr, me);
        },
        [&](const wire::Rmdir& m) {
            revoke(m.parent, names, me, m.name);
            revoke_link(removed().attr, me);
        },
        [&](const wire::Rename& m) {
            if (removed().moved == 0) return;
            revoke(m.parent, names, me, m.name);
            revoke(m.new_parent, names, me, m.new_name);
            revoke(removed().moved, wire::revoke_attr, me);
            revoke_link(removed().attr, me);
        },
        [&](const wire::SetAttr& m) { revoke(m.ino, effect(m), me); },
        [&](const wire::SetXattr& m) { revoke(m.ino, wire::revoke_attr | wire::revoke_xattr, me); },
        [&](const wire::RemoveXattr& m) {
            revoke(m.ino, wire::revoke_attr | wire::revoke_xattr, me);
        },
        [&](const wire::Commit& m) {
            const auto& errors = std::get<wire::Committed>(*outcome.reply).errors;
            for (std::size_t i = 0; i < m.inodes.size(); ++i)
                if (errors[i] == 0) revoke(m.inodes[i].ino, effect(m.inodes[i]), me);
        },
        // Extents that a client remembers may refer to a segment that is deleted soon.
        [&](const wire::Compact& m) { revoke(m.ino, wire::revoke_data, me); },
        [&](const wire::Allocate& m) { revoke(m.ino, ranges, me); },
        [&](const wire::CopyRange& m) { revoke(m.ino, ranges, me); },
        [](const auto&) {},
    };
    std::visit(cases, call.request);
}

std::vector<SessionId> Grants::holders(Ino ino, SessionId caller) {
    std::vector<SessionId> all;
    if (caller != 0) all.push_back(caller);
    each_holder(ino, caller, [&](Session& session) { all.push_back(session.id); });
    return all;
}

std::vector<SessionId> Grants::all_sessions() const {
    std::vector<SessionId> all;
    for (const auto& [id, session] : sessions_) all.push_back(id);
    return all;
}

std::vector<SessionId> Grants::target_holders(Ino parent, const std::string& name,
                                              SessionId caller) {
    const auto target = volume_.read(wire::Lookup{parent, name}, false);
    return target ? holders(target->attr.ino, caller) : std::vector<SessionId>{};
}

void Grants::name_holders(std::span<meta::Call> calls) {
    // Names that an earlier call of the batch creates; their inodes are not known yet.
    std::set<std::pair<Ino, std::string>> given;
    const auto give = [&](Ino parent, const std::string& name) {
        if (calls.size() > 1 && !alone()) given.emplace(parent, name);
    };
    for (meta::Call& call : calls) {
        const auto loses = [&](Ino parent, const std::string& name) {
            if (alone()) call.holders.assign(call.session != 0, call.session);
            else if (given.contains({parent, name})) call.holders = all_sessions();
            else call.holders = target_holders(parent, name, call.session);
        };
        const Cases cases{
            [&](const wire::Unlink& m) { loses(m.parent, m.name); },
            [&](const wire::Rmdir& m) { loses(m.parent, m.name); },
            [&](const wire::Rename& m) {
                loses(m.new_parent, m.new_name);
                give(m.parent, m.name);
                give(m.new_parent, m.new_name);
            },
            [&](const wire::Make& m) { give(m.parent, m.name); },
            [&](const wire::Link& m) { give(m.parent, m.name); },
            [](const auto&) {},
        };
        std::visit(cases, call.request);
    }
}

}  // namespace flexfs::service
